# To the time that it is, as exactly as date(1) can say it.
date -s "$(date +'%F %T.%N')"

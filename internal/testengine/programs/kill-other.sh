set -e
coproc setpriv --reuid alice --regid alice --clear-groups sh -c 'echo up; exec sleep 100'
read -r line <&"${COPROC[0]}"
[ "$line" = up ]
victim=$COPROC_PID
kill "$victim"
code=0
wait "$victim" || code=$?
[ "$code" = 143 ]

set -e
node -e 'require("http").createServer((q,r)=>r.end("ok")).listen(80,"127.0.0.1")' &
until curl -fsS --max-time 2 http://127.0.0.1/ 2>/dev/null | grep -q ok; do
	jobs -r | grep -q . || exit 1
	sleep 0.1
done

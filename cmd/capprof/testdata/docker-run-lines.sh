# Lines as people paste them from documentation, issues and scripts.

docker run -d --name web -p 8080:80 --restart unless-stopped --cap-drop ALL nginx:1.27

docker run --name mynginx1 --mount type=bind,source=/var/www,target=/usr/share/nginx/html,readonly \
  --mount type=bind,source=/var/nginx/conf,target=/etc/nginx/conf.d,readonly -p 80:80 -d nginx

docker run --rm --name some-nginx -v "$PWD/nginx.conf:/etc/nginx/nginx.conf:ro" -p 127.0.0.1:8080-8081:80-81/tcp \
  --read-only --tmpfs /var/cache/nginx --tmpfs /var/run:size=8m,mode=0755 nginx:alpine

docker run -d --name some-postgres -e POSTGRES_PASSWORD=mysecretpassword -e PGDATA=/var/lib/postgresql/data/pgdata \
  -v pgdata:/var/lib/postgresql/data --shm-size=256m -p 5432:5432 postgres:17 -c shared_buffers=256MB -c max_connections=200

docker run -it --rm --network some-network --network-alias db postgres:17 psql -h some-postgres -U postgres

docker run --detach --name some-mariadb --env MARIADB_USER=example-user --env-file ./mariadb.env \
  --ulimit nofile=65535:65535 --ulimit memlock=-1 --health-cmd="healthcheck.sh --connect --innodb_initialized" \
  --health-interval=10s --health-timeout 5s --health-retries=3 --health-start-period=1m mariadb:latest

docker run --name some-redis -d -p 6379:6379 --sysctl net.core.somaxconn=1024 --memory=512m --memory-swap=512m --cpus=1.5 \
  --pids-limit 100 --security-opt=no-new-privileges:true redis:7 redis-server --save 60 1 --loglevel warning

docker run -d --name pihole -p 53:53/tcp -p 53:53/udp -p 80:80 -e TZ="America/Chicago" -v "${PIHOLE_BASE:-$(pwd)}/etc-pihole:/etc/pihole" \
  -v "${PIHOLE_BASE:-$(pwd)}/etc-dnsmasq.d:/etc/dnsmasq.d" --dns=127.0.0.1 --dns=1.1.1.1 --restart=unless-stopped --hostname pi.hole \
  -e VIRTUAL_HOST="pi.hole" -e PROXY_LOCATION="pi.hole" -e FTLCONF_LOCAL_IPV4="127.0.0.1" --cap-add=NET_ADMIN pihole/pihole:latest

docker run -d -p 8000:8000 -p 9443:9443 --name portainer --restart=always -v /var/run/docker.sock:/var/run/docker.sock \
  -v portainer_data:/data portainer/portainer-ce:lts

docker run -d --name=grafana -p 3000:3000 --user "$(id -u)" --volume "$PWD/data:/var/lib/grafana" \
  -e "GF_PLUGINS_PREINSTALL=grafana-clock-panel, grafana-simple-json-datasource" grafana/grafana-enterprise

docker run -d --name jellyfin --user 1000:1000 --net=host --volume /path/to/config:/config --volume /path/to/cache:/cache \
  --mount type=bind,source=/path/to/media,target=/media --group-add="122" --device /dev/dri/renderD128:/dev/dri/renderD128 \
  --restart=unless-stopped jellyfin/jellyfin

docker run -d -p 8080:8080 -p 80:80 --network web --label traefik.enable=true -l 'traefik.http.routers.api.rule=Host(`traefik.example.com`)' \
  -v $PWD/traefik.yml:/etc/traefik/traefik.yml -v /var/run/docker.sock:/var/run/docker.sock:ro --log-driver json-file \
  --log-opt max-size=10m --log-opt max-file=3 traefik:v3.1

docker run -dit --name my-apache-app -p 8080:80 -v "$PWD":/usr/local/apache2/htdocs/ httpd:2.4

docker run -d --name=wireguard --cap-add=NET_ADMIN --cap-add=SYS_MODULE -e PUID=1000 -e PGID=1000 -e TZ=Etc/UTC -e PEERS=1 \
  -p 51820:51820/udp -v /path/to/wireguard/config:/config -v /lib/modules:/lib/modules --sysctl="net.ipv4.conf.all.src_valid_mark=1" \
  --restart unless-stopped lscr.io/linuxserver/wireguard:latest

docker run -d --hostname gitlab.example.com --env GITLAB_OMNIBUS_CONFIG="external_url 'http://gitlab.example.com'" \
  --publish 443:443 --publish 80:80 --publish 22:22 --name gitlab --restart always --volume $GITLAB_HOME/config:/etc/gitlab:Z \
  --volume $GITLAB_HOME/logs:/var/log/gitlab --shm-size 256m --stop-timeout 120 --stop-signal SIGQUIT gitlab/gitlab-ce:latest

docker run --rm -it --gpus all --ipc=host --ulimit memlock=-1 --ulimit stack=67108864 --runtime=nvidia -v $PWD:/workspace \
  nvcr.io/nvidia/pytorch:24.05-py3 python -c 'import torch; print(torch.cuda.is_available())'

docker run -d --name=netdata --pid=host --network=host -v netdataconfig:/etc/netdata -v /etc/passwd:/host/etc/passwd:ro \
  -v /proc:/host/proc:ro -v /sys:/host/sys:ro --restart unless-stopped --cap-add SYS_PTRACE --cap-add SYS_ADMIN \
  --security-opt apparmor=unconfined netdata/netdata

docker run --volume=/:/rootfs:ro --volume=/var/run:/var/run:rw --volume=/sys:/sys:ro --volume=/dev/disk/:/dev/disk:ro \
  --publish=8080:8080 --detach=true --name=cadvisor --privileged --device=/dev/kmsg gcr.io/cadvisor/cadvisor:latest

docker run -it --rm -p 8888:8888 --user root -e NB_UID=1000 -e GRANT_SUDO=yes -w /home/jovyan --add-host=host.docker.internal:host-gateway \
  --add-host db=10.0.0.5 --init --pull always --platform linux/amd64 quay.io/jupyter/base-notebook start-notebook.py --ServerApp.ip=0.0.0.0

docker run -d --name keycloak -P --expose 9000 --memory 1g --memory-reservation 512m --memory-swappiness 0 --cpu-shares 512 --cpuset-cpus 0-1 \
  --blkio-weight 300 --device-read-bps /dev/sda:1mb --oom-score-adj 500 --oom-kill-disable=false --cgroup-parent /limited \
  --network name=backend,alias=auth,ip=172.30.100.104 --mac-address 92:d0:c6:0a:29:33 --link db:database --volumes-from data:ro \
  --dns-search example.com --dns-option ndots:2 --domainname example.com --cidfile /tmp/keycloak.cid --uts host --userns=host \
  --storage-opt size=20G --annotation org.example/a=b --sig-proxy=false --detach-keys ctrl-x,x -a stdout -a stderr quay.io/keycloak/keycloak start-dev

docker run --name registry -d -p 5000:5000 --restart=always --no-healthcheck --tmpfs /run --cgroupns=private --net-alias registry --net internal registry:2

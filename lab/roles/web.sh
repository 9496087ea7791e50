# MTA-STS policies over HTTPS (RFC 8461 §3.3), one server an address: a good one, one that names other hosts, one that is none.
serve() { # serve OCTET CERTIFICATE < policy
  local d=/srv/$1; mkdir -p "$d/.well-known"; cat >"$d/.well-known/mta-sts.txt"
  ( cd "$d" && exec openssl s_server -quiet -accept "10.77.0.$1:443" -cert "/lab/tls/$2.pem" -key "/lab/tls/$2.key" -WWW >/dev/null 2>&1 ) &
  wait_port "10.77.0.$1" 443; }
printf 'version: STSv1\r\nmode: enforce\r\nmx: tls.lab.test\r\nmax_age: 86400\r\n' | serve 55 good
printf 'version: STSv1\r\nmode: enforce\r\nmx: *.other.test\r\nmax_age: 86400\r\n' | serve 56 good
printf '<html>not found</html>\r\n' | serve 57 good

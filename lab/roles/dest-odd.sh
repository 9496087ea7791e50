# Servers with one fault each, by address; and good TLS, to compare with.  Certificates: see make_certificates in lab.sh.
. /lab/roles/postfix-common.sh
postconf -e "mynetworks=127.0.0.0/8" "relay_domains=" "local_recipient_maps=" "smtpd_relay_restrictions=reject_unauth_destination"
postconf -MX smtp/inet
listener() { # listener OCTET OPTION...
  local a=10.77.0.$1; shift
  postconf -Me "$a:smtp/inet=$a:smtp inet n - n - - smtpd $*"; }
tls() { echo "-o smtpd_tls_security_level=may -o smtpd_tls_cert_file=/lab/tls/$1.pem -o smtpd_tls_key_file=/lab/tls/$1.key"; }
listener 47 "$(tls good) -o myhostname=tls.lab.test"
listener 48 "$(tls expired) -o myhostname=tlsexpired.lab.test"
listener 49 "$(tls othername) -o myhostname=tlsname.lab.test"
listener 50 "$(tls good) -o smtpd_tls_protocols=TLSv1 -o smtpd_tls_mandatory_protocols=TLSv1 -o myhostname=tlsold.lab.test"
listener 51 "-o smtpd_delay_reject=no -o {smtpd_client_restrictions=check_client_access static:{521 5.3.2 This host accepts no mail}}"
listener 53 "-o smtpd_delay_reject=no -o smtpd_helo_required=yes -o {smtpd_helo_restrictions=reject}"
pf_start 10.77.0.47
# Takes every connection and closes it at once.
python3 -c 'import socket
s = socket.create_server(("10.77.0.52", 25), backlog=100)
while True: s.accept()[0].close()' &
wait_port 10.77.0.52 25

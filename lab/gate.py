#!/usr/bin/env python3
"""The whole circle with real mail servers: a mail fails, its bounce comes into `abprall serve`, and the next mail to that address is
refused by the mail server that asks, with our reason in its reply.

    gate.py PROGRAM            needs root and a lab that is up; see test.sh

1. Postfix: by policy, socketmap, tcp_table and milter, each with a bounce of its own that comes in by LMTP.
2. Postfix: what is submitted by sendmail(1), by a transport map; the bounce of our own refusal counts against nobody.
3. The server is gone: what Postfix answers in each case is what the recipe says, and bounces wait for its return.
4. Postfix brings its bounces by SMTP with STARTTLS; who connects too often is told so.
5. Postfix and Exim as `docs/recipes` set them up: what stands there is what is done here.
"""
import json, os, re, smtplib, socket, subprocess, sys, tempfile, time, urllib.request

LAB = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.abspath(sys.argv[1])
RUN = os.environ.get('LAB_RUN', '/dev/shm/mail-lab')
if 'GATE_INSIDE' not in os.environ:
    # All of it is done from the tester's place in the lab's network.
    os.environ['GATE_INSIDE'] = '1'
    os.execv(f'{LAB}/lab.sh', [f'{LAB}/lab.sh', 'tester', sys.executable, os.path.abspath(__file__), PROGRAM])

HERE, SENDER, EXIM = '10.77.0.9', '10.77.0.10', '10.77.0.13'
WORDS = 'Recipient is on the suppression list of abprall: on hold since '
RUNID = f'{int(time.time()) % 100000:05d}'
wrong, checks = [], 0


def check(what, right, said=''):
    global checks
    checks += 1
    if not right:
        wrong.append(f'{what}: {said}')
        print(f'  WRONG  {what}: {said}', flush=True)


def inside(host, script):
    run = subprocess.run([f'{LAB}/lab.sh', 'exec', host, 'sh', '-ec', script], text=True, capture_output=True)
    check(f'{host} does what it is told', run.returncode == 0, run.stderr[-500:])
    return run.stdout


def until(what, happens, seconds=30):
    """Waits for something that has no bell here, at most so long."""
    end = time.time() + seconds
    while time.time() < end:
        if happens():
            return True
        time.sleep(0.05)
    check(what, False, f'not within {seconds} s')
    return False


def recipe(name, kind):
    """The blocks of a kind in a recipe, for the lab's names."""
    text = open(f'{LAB}/../docs/recipes/{name}.md').read().replace('127.0.0.1', HERE).replace('bounces.example.org', 'bounces.test')
    return re.findall(rf'^```{kind}\n(.*?)^```$', text, re.M | re.S)


class Serve:
    SETTINGS = f'''
[gate.policy]
listen = ["{HERE}:10040"]
[gate.socketmap]
listen = ["{HERE}:10041"]
[gate.tcp_table]
listen = ["{HERE}:10042"]
[gate.milter]
listen = ["{HERE}:10043"]
[http]
listen = ["127.0.0.1:8025"]
[intake.lmtp]
listen = ["{HERE}:2424"]
recipients = ["@bounces.test"]
[intake.smtp]
listen = ["{HERE}:2525"]
name = "tls.lab.test"
recipients = ["@sbounces.test"]
certificate = "{RUN}/tls/good.pem"
key = "{RUN}/tls/good.key"
connections = 2
'''

    def __init__(self, folder):
        self.folder = folder
        with open(f'{folder}/abprall.toml', 'w') as file:
            file.write(self.SETTINGS)
        self.start()

    def start(self):
        self.process = subprocess.Popen([PROGRAM, 'serve', '--config', f'{self.folder}/abprall.toml'], stderr=subprocess.PIPE, text=True)
        said = ''
        while 'serving' not in said:
            line = self.process.stderr.readline()
            if not line:
                sys.exit(f'abprall serve ended: {said}')
            said += line

    def kill(self):
        self.process.kill()
        self.process.wait()

    def standing(self, address):
        with urllib.request.urlopen(f'http://127.0.0.1:8025/v1/check/{address}', timeout=10) as answer:
            return json.load(answer)

    def is_held(self, address):
        return self.standing(address)['state'] == 'held'


def talk(port, recipients, host=SENDER, back='bounces.test'):
    """One transaction; gives the reply to MAIL and to each recipient. The mail is sent where somebody may have it."""
    with smtplib.SMTP(host, port, timeout=30, local_hostname='tester.lab.test') as smtp:
        smtp.ehlo()
        code, text = smtp.mail(f'b+{RUNID}@{back}', ['RET=HDRS'] if smtp.has_extn('dsn') else [])
        replies = [f'{code} {text.decode()}']
        for recipient in recipients if code == 250 else ():
            code, text = smtp.rcpt(recipient)
            replies.append(f'{code} {text.decode()}')
        if any(reply.startswith('250') for reply in replies[1:]):
            code, text = smtp.data(f'From: News <news@{back}>\r\nSubject: Newsletter\r\nMessage-ID: <{time.time()}@x>\r\n\r\nHello.\r\n'.encode())
            check('the mail is taken', code == 250, text)
        return replies


def is_open(host, port):
    with socket.socket() as one:
        return one.connect_ex((host, port)) == 0


def log(host):
    return subprocess.run([f'{LAB}/lab.sh', 'log', host], text=True, capture_output=True).stdout


# Each gate of Postfix has a port.
GATES = {
    'policy': (2501, f'smtpd_recipient_restrictions=check_policy_service,inet:{HERE}:10040'),
    'socketmap': (2502, f'smtpd_recipient_restrictions=check_recipient_access,socketmap:inet:{HERE}:10041:access'),
    'tcp_table': (2503, f'smtpd_recipient_restrictions=check_recipient_access,tcp:{HERE}:10042'),
    'milter': (2504, f'smtpd_milters=inet:{HERE}:10043'),
    'policy, open': (2505, f'smtpd_recipient_restrictions=check_policy_service {{ inet:{HERE}:10040, timeout=2s, try_limit=1, default_action=DUNNO }}'),
    'milter, open': (2506, f'smtpd_milters={{ inet:{HERE}:10043, default_action=accept }}'),
}


def prepare_postfix():
    ports = '\n'.join(f'postconf -Me "{port}/inet={SENDER}:{port} inet n - n - - smtpd -o {{{option}}}"' for port, option in GATES.values())
    inside('sender', f'''
{ports}
printf 'bounces.test lmtp:inet:{HERE}:2424\\nsbounces.test smtp:[{HERE}]:2525\\n' >>/etc/postfix/transport
postmap /etc/postfix/transport
postconf -e "smtp_tls_policy_maps=inline:{{ {{ [{HERE}]:2525 = encrypt }} }}" smtp_tls_loglevel=1
touch -d '1 minute ago' /etc/postfix/main.cf /etc/postfix/master.cf
postfix reload''')
    for port, _ in GATES.values():
        until(f'port {port} answers', lambda: is_open(SENDER, port))


def postfix(serve):
    for gate in ('policy', 'socketmap', 'tcp_table', 'milter'):
        port, _ = GATES[gate]
        gone, fine = f'{gate}.{RUNID}@router.test', f'{gate}.{RUNID}@ok.test'
        check(f'{gate}: before its bounce everybody passes', talk(port, [gone])[1].startswith('250'))
        if not until(f'{gate}: the bounce comes in by LMTP', lambda: serve.is_held(gone)):
            continue
        _, other, refused, last = talk(port, [f'other.{fine}', gone, fine])
        check(f'{gate}: refused with our reason', refused.startswith('550 5.7.1 ') and WORDS in refused, refused)
        check(f'{gate}: the others pass', other.startswith('250') and last.startswith('250'), (other, last))
        until(f'{gate}: and get their mail', lambda: re.search(f'to=<{fine}>.*status=sent', log('sender')))
        print(f'  {gate}: {refused}', flush=True)


def local_submission(serve):
    gone, fine = f'sendmail.{RUNID}@router.test', f'sendmail.{RUNID}@ok.test'
    inside('sender', f"printf 'Subject: x\\n\\nx\\n' | sendmail -f b+{RUNID}@bounces.test {gone}")
    until('sendmail: the bounce comes in', lambda: serve.is_held(gone))
    before = serve.standing(gone)
    inside('sender', f'''postconf -e "transport_maps=hash:/etc/postfix/transport socketmap:inet:{HERE}:10041:transport"
touch -d '1 minute ago' /etc/postfix/main.cf; postfix reload
printf 'Subject: y\\n\\ny\\n' | sendmail -f b+{RUNID}@bounces.test {gone} {fine}''')
    until('sendmail: the error mailer says our reason', lambda: re.search(f'to=<{gone}>.*dsn=5.7.1, status=bounced \\({WORDS}', log('sender')))
    until('sendmail: the other gets its mail', lambda: re.search(f'to=<{fine}>.*status=sent', log('sender')))
    until('sendmail: the report of our refusal comes back', lambda: len(re.findall(f'to=<b\\+{RUNID}@bounces.test>.*status=sent', log('sender'))) >= 6)
    check('sendmail: it is read as our own refusal and changes nothing', serve.standing(gone) == before, serve.standing(gone))
    inside('sender', '''postconf -e transport_maps=hash:/etc/postfix/transport
touch -d '1 minute ago' /etc/postfix/main.cf; postfix reload''')
    print('  sendmail(1): refused by the transport map', flush=True)


def without_serve(serve):
    serve.kill()
    fine = f'down.{RUNID}@ok.test'
    for gate, reply in (('policy', '451 4.3.5 '), ('socketmap', '451 4.3.5 '), ('tcp_table', '451 4.3.5 '), ('milter', '451 4.7.1 '),
                        ('policy, open', '250 '), ('milter, open', '250 ')):
        said = talk(GATES[gate][0], [fine])
        # The milter is missed at MAIL already.
        check(f'gone: {gate}', said[-1].startswith(reply) and (gate != 'milter' or len(said) == 1), said)
    gone = f'down.{RUNID}@router.test'
    talk(GATES['policy, open'][0], [gone])
    until('gone: its bounces wait', lambda: re.search(f'to=<b\\+{RUNID}@bounces.test>.*status=deferred', log('sender')))
    serve.start()
    inside('sender', 'postqueue -f')
    until('back: they come in', lambda: serve.is_held(gone))
    for gate in ('policy', 'socketmap', 'tcp_table', 'milter'):
        check(f'back: {gate} refuses again', talk(GATES[gate][0], [gone])[1].startswith('550 5.7.1 '))
    print('  the server gone: 451 or open, as it is set; bounces waited', flush=True)


def encrypted(serve):
    gone = f'tls.{RUNID}@router.test'
    talk(25, [gone], back='sbounces.test')
    until('tls: the bounce comes in by SMTP', lambda: serve.is_held(gone))
    check('tls: encrypted', f'TLS connection established to {HERE}[{HERE}]:2525: TLSv1.3' in log('sender'), log('sender')[-400:])
    open_ones = [smtplib.SMTP(HERE, 2525, timeout=10, local_hostname='tester.lab.test') for _ in range(2)]
    try:
        smtplib.SMTP(HERE, 2525, timeout=10, local_hostname='tester.lab.test')
        check('the third connection of a client is refused', False, 'it was not')
    except smtplib.SMTPConnectError as error:
        check('the third connection of a client is refused', error.smtp_code == 421, error)
    for one in open_ones:
        one.quit()
    print('  STARTTLS, and 421 to who connects too often', flush=True)


def recipe_of_postfix(serve):
    subprocess.run([f'{LAB}/lab.sh', 'restart', 'sender'], check=True)
    first, by_map = recipe('postfix', 'sh')
    # Postfix waits while its main.cf is younger than a second.
    inside('sender', first.replace('postfix reload', "touch -d '1 minute ago' /etc/postfix/main.cf; postfix reload"))
    gone, fine = f'recipe.{RUNID}@router.test', f'recipe.{RUNID}@ok.test'
    check('recipe of Postfix: everybody passes', talk(25, [gone])[1].startswith('250'))
    if until('recipe of Postfix: the bounce comes in', lambda: serve.is_held(gone)):
        _, refused, other = talk(25, [gone, fine])
        check('recipe of Postfix: refused with our reason', refused.startswith('550 5.7.1 ') and WORDS in refused, refused)
        check('recipe of Postfix: the other passes', other.startswith('250'), other)
    inside('sender', by_map + f"""touch -d '1 minute ago' /etc/postfix/main.cf; postfix reload
printf 'Subject: y\\n\\ny\\n' | sendmail -f b+{RUNID}@bounces.test {gone}""")
    until('recipe of Postfix: the map returns it', lambda: re.search(f'to=<{gone}>.*dsn=5.7.1, status=bounced \\({WORDS}', log('sender')))
    mailman = recipe('mailman', 'sh')[0].splitlines()[0]
    found = inside('sender', mailman + """
for who in news-bounces news-bounces+anna=example.com news; do postmap -q $who@lists.example.org regexp:/etc/postfix/abprall-transport || echo none; done""")
    check('the map for Mailman knows bounces, and only them', found.split() == [f'lmtp:inet:{HERE}:2424'] * 2 + ['none'], found)
    print('  Postfix, as the recipe says', flush=True)


def recipe_of_exim(serve):
    acl, router, transport = recipe('exim', 'exim')
    place = f'{RUN}/exim/upper/etc/exim4/exim4.conf'
    conf = open(place).read()
    for after, piece in (('acl_rcpt:\n', acl), ('begin routers\n', router), ('begin transports\n', transport)):
        check('exim: the piece has its place', conf.count(after) == 1)
        conf = conf.replace(after, after + piece)

    def restart(conf):
        with open(place, 'w') as file:
            file.write(conf)
        inside('exim', '''exim4 -bV >/dev/null
pkill exim4 && while pgrep exim4 >/dev/null; do :; done
exim4 -bd -q3s >/dev/null 2>&1''')
        until('exim is back', lambda: is_open(EXIM, 25))

    restart(conf)
    gone, fine = f'exim.{RUNID}@router.test', f'exim.{RUNID}@ok.test'
    check('exim: before its bounce everybody passes', talk(25, [gone], host=EXIM)[1].startswith('250'))
    if until('exim: the bounce comes in by LMTP', lambda: serve.is_held(gone)):
        _, refused, other = talk(25, [gone, fine], host=EXIM)
        # Exim breaks long replies into lines.
        refused = refused.replace('\n5.7.1', '')
        check('exim: refused with our reason', refused.startswith('550 5.7.1 ') and WORDS in refused, refused)
        check('exim: the other passes', other.startswith('250'), other)
        print(f'  exim, as the recipe says: {refused}', flush=True)
    serve.kill()
    check('exim: the server is gone, open', talk(25, [fine], host=EXIM)[1].startswith('250'))
    restart(conf.replace('{action=DUNNO}', '{action=451 cannot ask abprall}'))
    said = talk(25, [fine], host=EXIM)
    check('exim: the server is gone, closed', said[1].startswith('451 cannot ask abprall'), said)
    serve.start()


with tempfile.TemporaryDirectory() as folder:
    serve = Serve(folder)
    try:
        prepare_postfix()
        postfix(serve)
        local_submission(serve)
        without_serve(serve)
        encrypted(serve)
        recipe_of_postfix(serve)
        recipe_of_exim(serve)
    finally:
        serve.kill()
        for host in ('sender', 'exim'):
            subprocess.run([f'{LAB}/lab.sh', 'restart', host], check=True)
print(f'{checks - len(wrong)} passed, {len(wrong)} failed')
sys.exit(1 if wrong else 0)

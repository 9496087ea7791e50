#!/usr/bin/env python3
"""From a bounce to the return, with real mail, real bounces and real faults; the days between are passed in as `--now`.

    watch.py PROGRAM           needs root and a lab that is up; see test.sh

1. A mail server is gone: the domain is held, looked at, found repaired, and comes back one address after the other.
2. The sender's own resolver lies: nobody stays stopped, and it is told whose fault it was.
3. A null MX: the whole domain is suppressed at once.
4. A router refuses what is behind it: only a canary can find out, and its bounce stops the way back.
"""
import datetime, json, os, sqlite3, subprocess, sys, tempfile, time

LAB = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.abspath(sys.argv[1])
RUN = os.environ.get('LAB_RUN', '/dev/shm/mail-lab')
MAILDIR = f'{RUN}/bounce/upper/var/vmail/bounces/Maildir'
LOOK = ['--allow-network', '10.77.0.0/24', '--allow-network', 'fd77::/64', '--canary', 'ok.test', '--canary', 'bounces.test',
        '--ehlo', 'tester.lab.test', '--ca-file', f'{RUN}/tls/ca.pem', '--our-host', 'sender.lab.test']
RUNID = f'{int(time.time()) % 100000:05d}'
ZONE = open(f'{LAB}/zones/test.zone').read()
wrong, checks = [], 0


def check(what, right, said=''):
    global checks
    checks += 1
    if not right:
        wrong.append(f'{what}: {said}')
        print(f'  WRONG  {what}: {said}', flush=True)


def lab(*words, **more):
    return subprocess.run([f'{LAB}/lab.sh', *words], check=True, text=True, **more)


def at(moment):
    return moment.strftime('%Y-%m-%dT%H:%M:%S.%fZ')


def moment(text):
    return datetime.datetime.fromisoformat(text[:26].rstrip('Z') + '+00:00' if '.' in text else text.replace('Z', '+00:00'))


def abprall(*words, may=(0,)):
    run = subprocess.run([f'{LAB}/lab.sh', 'tester', PROGRAM, *words], text=True, capture_output=True)
    check(f'abprall {" ".join(words[:2])} ends well', run.returncode in may, f'exit {run.returncode}: {run.stderr[-800:]}')
    return run.stdout


SEND = '''
import smtplib, sys
sender, recipient, notify = sys.argv[1:]
m = smtplib.SMTP("10.77.0.10", 25, timeout=20, local_hostname="tester.lab.test"); m.ehlo()
assert m.mail(sender, ["RET=HDRS"])[0] == 250
code, text = m.rcpt(recipient, ["NOTIFY=" + notify]); assert code == 250, text
code, text = m.data(("From: News <news@bounces.test>\\r\\nTo: " + recipient + "\\r\\nSubject: Newsletter\\r\\nMessage-ID: <" + sender +
                     ">\\r\\nList-Unsubscribe: <mailto:u@bounces.test>\\r\\n\\r\\nHello.\\r\\n").encode()); assert code == 250, text
m.quit()
'''
sent = 0


def mail(recipient, folder, notify='FAILURE'):
    """Sends a mail and waits for the report that comes back; gives its file."""
    global sent
    sent += 1
    back = f'b+watch.{RUNID}.{sent}@bounces.test'
    lab('tester', sys.executable, '-c', SEND, back, recipient, notify)
    end = time.time() + 60
    while time.time() < end:
        for kind in ('new', 'cur'):
            for name in os.listdir(f'{MAILDIR}/{kind}') if os.path.isdir(f'{MAILDIR}/{kind}') else ():
                data = open(f'{MAILDIR}/{kind}/{name}', 'rb').read()
                if back.encode() in data.split(b'\n\n')[0]:
                    file = f'{folder}/{sent}.eml'
                    open(file, 'wb').write(data)
                    return file
        time.sleep(0.05)  # The mailbox has no other bell here; what is waited for is the report.
    check(f'a report about {recipient} comes back', False, 'none within 60 s')
    sys.exit(1)


class House:
    """A database, and a clock that only we move."""

    def __init__(self, folder, name):
        self.folder, self.store = folder, f'{folder}/{name}.db'
        self.now = datetime.datetime.now(datetime.timezone.utc)

    def later(self, **span):
        self.now += datetime.timedelta(**span)

    def process(self, file):
        out = abprall('process', file, '--store', self.store, '--now', at(self.now), '--format', 'ndjson')
        return [json.loads(line) for line in out.splitlines()]

    def watch(self, *options, may=(0,)):
        out = abprall('watch', *LOOK, *options, '--store', self.store, '--now', at(self.now), '--format', 'json', may=may)
        said = json.loads(out) if out.strip() else {'summary': {'next_due': None}, 'news': []}
        self.next_due = said['summary']['next_due']
        return said['news']

    def watch_when_due(self, **more):
        """Moves the clock to what is due next, and does that."""
        self.now = max(self.now, moment(self.next_due)) + datetime.timedelta(seconds=1)
        return self.watch(**more)

    def state(self, address):
        out = abprall('check', address, '--store', self.store, '--now', at(self.now), '--format', 'json', may=(0, 1))
        return json.loads(out)

    def states(self, *addresses):
        return [self.state(address)['state'] for address in addresses]


    def timeline(self):
        """The incidents, and what happened in them."""
        with sqlite3.connect(self.store) as store:
            return (store.execute('SELECT key, closed_at IS NOT NULL FROM incident').fetchall(),
                    [event for event, in store.execute('SELECT event FROM incident_event ORDER BY id')])


def news_of(news, domain):
    return [one for one in news if one['domain'] == domain]


def whats(news, domain):
    return [one['what'] for one in news_of(news, domain)]


def takes_mail(domain):
    """The server of ok.test takes mail for another domain too."""
    lab('exec', 'dest-ok', 'sh', '-c', f'''cd /etc/postfix && echo "@{domain} {domain}/all/" >>vmailbox && echo "{domain} x" >>vdomains &&
        postmap vmailbox vdomains && postfix reload''', capture_output=True)


def returns(folder):
    people = [f'{name}@gone.test' for name in ('anna', 'bert', 'carl')]
    lab('zone', 'test', input=ZONE + 'gone MX 10 mx.gone\n')
    house = House(folder, 'returns')
    for person in people:
        for line in house.process(mail(person, folder)):
            check(f'{person} is held at once', line['outcome'] == 'hold', line)
    check('one investigation is due, not three', house.states(*people) == ['held'] * 3, house.states(*people))
    house.later(minutes=1)
    news = news_of(house.watch(), 'gone.test')
    check('a look confirms it, once', [one['what'] for one in news] == ['domain_held'], news)
    check('an incident is named', news and news[0]['incident'], news)
    check('whoever else is there is held too', house.state('new@gone.test')['scope'] == 'domain', house.state('new@gone.test'))
    for _ in range(3):
        check('it is still down', set(whats(house.watch_when_due(), 'gone.test')) <= {'still_down'}, '')
    takes_mail('gone.test')
    lab('zone', 'test', input=ZONE + 'gone MX 10 mx.gone\nmx.gone A 10.77.0.30\n')
    began, good, news = house.now, 0, []
    for _ in range(12):
        news = house.watch_when_due()
        good += 'recovering' in whats(news, 'gone.test')
        if 'canary' in whats(news, 'gone.test'): break
        check('nobody is back before it held', house.states(*people) == ['held'] * 3, house.states(*people))
    canary = [one for one in news_of(news, 'gone.test') if one['what'] == 'canary']
    check('a canary after three good looks', canary and good >= 3, f'{good} looks; {news}')
    check('that took at least an hour', house.now - began >= datetime.timedelta(hours=1), house.now - began)
    back = canary[0]['addresses'] if canary else []
    check('one address alone', len(back) == 1 and sorted(house.states(*people)) == ['held', 'held', 'ok'], house.states(*people))
    delivered = house.process(mail(back[0], folder, 'SUCCESS'))
    check('its mail arrives, by the word of the server', [line['kind'] for line in delivered] == ['delivered'], delivered)
    told = []
    for _ in range(12):
        news = house.watch_when_due()
        told += whats(news, 'gone.test')
        if 'returned' in told: break
    check('then the rest, then all is over', 'reinstated' in told and told[-1:] == ['returned'], told)
    check('all may be sent to', house.states(*people, 'new@gone.test') == ['ok'] * 4, house.states(*people))
    incidents, events = house.timeline()
    check('one incident, which is over', incidents == [('domain:gone.test', 1)], incidents)
    order = ['opened', 'joined', 'domain_held', 'recovering', 'canary', 'reinstated', 'closed']
    check('with its timeline', [event for n, event in enumerate(events) if event in order and event not in events[:n]] == order, events)
    while house.next_due:
        late = whats(house.watch_when_due(), 'gone.test')
        check('nothing more happens', set(late) <= {'works'}, late)
    print('  a dead mail server: held, confirmed, recovered, canary, reinstated', flush=True)


LIAR = '''
import socket
listen = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); listen.bind(("10.77.0.9", 53)); print("ready", flush=True)
ask = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); ask.settimeout(5)
while True:
    question, peer = listen.recvfrom(4096)
    if len(question) < 13: continue
    code = 1 if b"\\x07formerr\\x04test" in question.lower() else 3 if b"\\x04lied\\x04test" in question.lower() else None
    if code:
        end = question.index(b"\\0", 12) + 5
        listen.sendto(question[:2] + bytes([0x80 | (question[2] & 1), 0x80 | code]) + b"\\0\\1\\0\\0\\0\\0\\0\\0" + question[12:end], peer)
        continue
    try:
        ask.sendto(question, ("10.77.0.3", 53)); listen.sendto(ask.recv(4096), peer)
    except TimeoutError: pass
'''


def own_fault(folder):
    lab('zone', 'test', input=ZONE + 'formerr MX 10 dest-ok.lab\nlied MX 10 dest-ok.lab\n')
    takes_mail('formerr.test')
    takes_mail('lied.test')
    liar = subprocess.Popen([f'{LAB}/lab.sh', 'tester', sys.executable, '-c', LIAR], stdout=subprocess.PIPE, text=True)
    liar.stdout.readline()
    resolver = 'for f in /etc/resolv.conf /var/spool/postfix/etc/resolv.conf; do echo "nameserver {}" >$f; done; postfix reload'
    house = House(folder, 'own')
    try:
        lab('exec', 'sender', 'sh', '-c', resolver.format('10.77.0.9'), capture_output=True)
        formerr = house.process(mail('dora@formerr.test', folder))
        lied = house.process(mail('emil@lied.test', folder))
    finally:
        lab('exec', 'sender', 'sh', '-c', resolver.format('10.77.0.3'), capture_output=True)
        liar.kill()
    check('what our resolver is said to be unable to is no reason to suppress', formerr[0]['outcome'] in ('hold', 'alert'), formerr)
    check('NXDOMAIN holds', lied[0]['outcome'] == 'hold', lied)
    house.later(minutes=1)
    # 1: somebody has to mend our side.
    news = house.watch(may=(1,))
    check('our own fault is told', whats(news, 'lied.test') == ['own_fault'], news)
    check('with what is to be done', all(one['detail'] for one in news_of(news, 'lied.test')), news)
    people = ['dora@formerr.test', 'emil@lied.test', 'new@lied.test']
    check('nobody is stopped', house.states(*people) == ['ok'] * 3, house.states(*people))
    incidents, events = house.timeline()
    check('its incident is over', incidents == [('domain:lied.test', 1)] and 'own_fault' in events, (incidents, events))
    check('nothing is watched for it any more', not house.next_due, house.next_due)
    print('  a resolver of the sender that lies: all released, alarm told', flush=True)


def null_mx(folder):
    house = House(folder, 'null')
    held = house.process(mail('fred@nullmx.test', folder))
    check('a null MX holds the address', held[0]['outcome'] == 'hold', held)
    news = house.watch()
    check('the domain is suppressed by the first look', whats(news, 'nullmx.test') == ['domain_suppressed'], news)
    for person in ('fred@nullmx.test', 'gerd@nullmx.test'):
        state = house.state(person)
        check(f'{person} is suppressed', state['state'] == 'suppressed', state)
    check('that of a stranger by the domain', house.state('gerd@nullmx.test')['scope'] == 'domain', '')
    print('  a null MX: all of the domain suppressed at once', flush=True)


def behind(folder):
    lab('zone', 'test', input=ZONE)
    house = House(folder, 'behind')
    held = house.process(mail('hans@router.test', folder))
    check('a 5.4.3 of the MX holds', held[0]['outcome'] == 'hold', held)
    check('a probe of the MX cannot refute it', whats(house.watch(), 'router.test') == ['kept'], '')
    news = []
    for _ in range(6):
        news += house.watch_when_due()
        if 'canary' in whats(news, 'router.test'): break
    check('after a day one address may try', 'canary' in whats(news, 'router.test'), news)
    check('it may be sent to', house.states('hans@router.test') == ['ok'], house.state('hans@router.test'))
    again = house.process(mail('hans@router.test', folder))
    check('its bounce holds it again', again[0]['outcome'] == 'hold', again)
    news = []
    for _ in range(3):
        news += house.watch_when_due()
        if 'way_back_stopped' in whats(news, 'router.test'): break
    check('and stops the way back', 'way_back_stopped' in whats(news, 'router.test'), news)
    check('it stays held', house.states('hans@router.test') == ['held'], house.state('hans@router.test'))
    print('  a failure behind the MX: kept, one canary a day, stopped by its bounce', flush=True)


with tempfile.TemporaryDirectory() as folder:
    try:
        returns(folder)
        own_fault(folder)
        null_mx(folder)
        behind(folder)
    finally:
        lab('zone', 'test', input=ZONE)
print(f'{checks - len(wrong)} passed, {len(wrong)} failed')
sys.exit(1 if wrong else 0)

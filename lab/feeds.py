#!/usr/bin/env python3
"""Follows the logs of four real mail servers live, over their rotation, while their mail to dead destinations fails, and takes the
bounces about the same mail in as well: one failure counts once, whichever of the two comes first.

    feeds.py PROGRAM           needs root and a lab that is up; see test.sh
"""
import json, os, re, signal, socket, sqlite3, subprocess, sys, tempfile, time, urllib.request

LAB = os.environ.get('LAB_HOME', os.path.dirname(os.path.abspath(__file__)))
PROGRAM = os.path.abspath(sys.argv[1])
RUN = os.environ.get('LAB_RUN', '/dev/shm/mail-lab')
MAILDIR = f'{RUN}/bounce/upper/var/vmail/bounces/Maildir'
RUNID = f'{int(time.time()) % 100000:05d}'
# How each server's log is rotated between the two waves of mail.
RENAMED = 'cd /var/log && mv mail.log mail.log.1 && kill -HUP $(cat /run/rsyslogd.pid)'
COPIED = 'cd /var/log && cp mail.log mail.log.1 && : >mail.log'
MTAS = {
    'sender': (10, 'mail.log', RENAMED),
    'exim': (13, 'exim4/mainlog', 'cd /var/log/exim4 && mv mainlog mainlog.1 && install -o Debian-exim -g adm /dev/null mainlog'),
    'sendmail': (14, 'mail.log', COPIED),
    'opensmtpd': (15, 'mail.log', RENAMED),
}
# Where the mail goes, and how the address has to stand afterwards: the truth is how the lab is built.
DEAD = {'{}@rej.test': 'suppressed', '{}@router.test': 'held', '{}@gone-{}.test': 'held', '{}@nullmx.test': 'held'}
ALIVE = '{}@ok.test'
# OpenSMTPD keeps mail to a null MX in its queue, and says so until it expires.
WAITS = {('opensmtpd', '{}@nullmx.test')}
wrong, checks = [], 0


def check(what, right, said=''):
    global checks
    checks += 1
    if not right:
        wrong.append(f'{what}: {said}')
        print(f'  WRONG  {what}: {said}', flush=True)


SEND = '''
import smtplib, sys
place, sender, recipient = sys.argv[1:]
m = smtplib.SMTP(place, 25, timeout=20, local_hostname="tester.lab.test"); m.ehlo()
options = ["RET=HDRS"] if m.has_extn("dsn") else []
assert m.mail(sender, options)[0] == 250
code, text = m.rcpt(recipient, ["NOTIFY=FAILURE"] if options else []); assert code == 250, text
code, text = m.data(("From: News <news@bounces.test>\\r\\nTo: " + recipient + "\\r\\nSubject: Newsletter\\r\\nMessage-ID: <" + sender +
                     ">\\r\\nList-Unsubscribe: <mailto:u@bounces.test>\\r\\n\\r\\nHello.\\r\\n").encode()); assert code == 250, text
m.quit()
'''


def send(mta, wave):
    """One mail to each dead destination and one to a living one; gives what has to come back about whom."""
    name, sent = f'f{wave}.{mta}.{RUNID}', {}
    for number, pattern in enumerate([*DEAD, ALIVE]):
        if (mta, pattern) in WAITS:
            continue
        recipient = pattern.format(name, RUNID)
        back = f'b+feeds.{RUNID}.{wave}.{mta}.{number}@bounces.test'
        subprocess.run([f'{LAB}/lab.sh', 'tester', sys.executable, '-c', SEND, f'10.77.0.{MTAS[mta][0]}', back, recipient], check=True)
        if pattern != ALIVE:
            sent[back] = (recipient, DEAD[pattern])
    return sent


class House:
    def __init__(self, folder):
        self.folder, self.store = folder, f'{folder}/abprall.db'
        with socket.socket() as any_port:
            any_port.bind(('127.0.0.1', 0))
            self.port = any_port.getsockname()[1]
        logs = ''.join(f'[intake.log.{mta}]\npath = "{RUN}/{mta}/upper/var/log/{path}"\nhost = "{mta}.lab.test"\n'
                       for mta, (_, path, _) in MTAS.items())
        with open(f'{folder}/abprall.toml', 'w') as settings:
            settings.write(f'[http]\nlisten = ["127.0.0.1:{self.port}"]\n{logs}')
        self.start()

    def start(self):
        self.server = subprocess.Popen([PROGRAM, 'serve', '--config', f'{self.folder}/abprall.toml'], stderr=subprocess.PIPE, text=True)
        check('the server serves', 'serving' in self.server.stderr.readline())

    def end(self, how):
        self.server.send_signal(how)
        self.server.wait()

    def post(self, message):
        request = urllib.request.Request(f'http://127.0.0.1:{self.port}/v1/bounces', message, {'Content-Type': 'message/rfc822'}, method='POST')
        return json.load(urllib.request.urlopen(request, timeout=30))

    def state(self, address):
        return json.load(urllib.request.urlopen(f'http://127.0.0.1:{self.port}/v1/check/{address}', timeout=30))['state']

    def reports(self, address, kind):
        """Where each report came from, and the rule that decided."""
        with sqlite3.connect(self.store) as store:
            return store.execute('''SELECT message.source, decision.rule FROM report JOIN message ON message.id = report.message
                JOIN decision ON decision.report = report.id JOIN address ON address.id = report.address
                WHERE address.text = ? AND report.kind = ?''', (address, kind)).fetchall()


def bounces(wanted):
    """The messages that have come back to these return paths."""
    found = {}
    for kind in ('new', 'cur'):
        for name in os.listdir(f'{MAILDIR}/{kind}') if os.path.isdir(f'{MAILDIR}/{kind}') else ():
            data = open(f'{MAILDIR}/{kind}/{name}', 'rb').read()
            to = re.search(rb'^(?:X-Original-To|Delivered-To): *<?(\S+@bounces\.test)>?', data, re.M | re.I)
            if to and to[1].decode() in wanted:
                found[to[1].decode()] = data
    return found


def wave(house, number):
    wanted = {}
    for mta in MTAS:
        wanted |= send(mta, number)
    taken, end = set(), time.time() + 60
    while time.time() < end:
        for back, message in bounces(wanted.keys() - taken).items():
            house.post(message)
            taken.add(back)
        logged = [address for address, _ in wanted.values() if any('log' in source for source, _ in house.reports(address, 'failed'))]
        delivered = [mta for mta in MTAS if house.reports(ALIVE.format(f'f{number}.{mta}.{RUNID}'), 'delivered')]
        if len(taken) == len(logged) == len(wanted) and len(delivered) == len(MTAS):
            break
        time.sleep(0.1)  # Neither the mailbox nor the logs have a bell here.
    check('every bounce comes back', len(taken) == len(wanted), sorted(wanted.keys() - taken))
    check('every delivery is in a log', len(delivered) == len(MTAS), delivered)
    for back, (address, state) in wanted.items():
        known = house.reports(address, 'failed')
        first = [source for source, rule in known if rule != 'same-failure']
        check(f'{address} is known by its log line and its bounce', len(known) == 2, known)
        check(f'{address} failed once', len(first) == 1, known)
        check(f'{address} is {state}', house.state(address) == state, house.state(address))
    for mta in MTAS:
        alive = ALIVE.format(f'f{number}.{mta}.{RUNID}')
        check(f'{alive} may be sent to', house.state(alive) == 'ok', house.state(alive))
    return len(wanted)


with tempfile.TemporaryDirectory() as folder:
    house = House(folder)
    try:
        failures = wave(house, 1)
        for mta, (_, _, rotate) in MTAS.items():
            subprocess.run([f'{LAB}/lab.sh', 'exec', mta, 'sh', '-c', rotate], check=True)
        failures += wave(house, 2)
        # No farewell; what is read again after that is known.
        house.end(signal.SIGKILL)
        before = sqlite3.connect(house.store).execute('SELECT count(*) FROM report').fetchone()
        house.start()
        failures += wave(house, 3)
        house.end(signal.SIGTERM)
        with sqlite3.connect(house.store) as store:
            twice = store.execute('SELECT source, count(*) FROM message WHERE seen_at > 0 GROUP BY content HAVING count(*) > 1').fetchall()
            ours = store.execute("SELECT count(*) FROM report JOIN address ON address.id = report.address WHERE address.text LIKE 'b+feeds%'").fetchone()[0]
        check('what was read again counts once', not twice and before[0] > 0, twice)
        check('what happens to the bounces themselves counts for nobody', ours == 0, ours)
    finally:
        house.server.kill()
print(f'  {failures} failures at {len(MTAS)} mail servers: each in the log and as a bounce, each counted once, over rotation and a kill')
print(f'{checks - len(wrong)} passed, {len(wrong)} failed')
sys.exit(1 if wrong else 0)

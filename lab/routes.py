#!/usr/bin/env python3
"""Holds what `abprall route` says of the running lab against routes.tab, which is written from how the lab is built.

    routes.py PROGRAM          needs root and a lab that is up; see test.sh

Also: every fault of a host, its repair, resolvers that answer nothing useful, and a packet capture of all of it.
"""
import json, os, re, signal, subprocess, sys, tempfile

LAB = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.abspath(sys.argv[1])
RUN = os.environ.get('LAB_RUN', '/dev/shm/mail-lab')
OPTIONS = ['--allow-network', '10.77.0.0/24', '--allow-network', 'fd77::/64', '--canary', 'ok.test', '--canary', 'bounces.test',
           '--ehlo', 'tester.lab.test', '--ca-file', f'{RUN}/tls/ca.pem', '--format', 'json']
# Addresses that the lab's DNS names and nobody may contact; routes for them are made, so that a packet would be seen.
SPECIAL_USE = {'192.0.2.25': 'mxprivate.test', '169.254.169.254': 'metadata.test'}
wrong, checks = [], 0


def check(what, right, said=''):
    global checks
    checks += 1
    if not right:
        wrong.append(f'{what}: {said}')
        print(f'  WRONG  {what}: {said}', flush=True)


def lab(*words, **more):
    return subprocess.run([f'{LAB}/lab.sh', *words], check=True, text=True, **more)


def route(domains, *options):
    """The diagnoses of the domains, by name."""
    run = subprocess.run([f'{LAB}/lab.sh', 'tester', PROGRAM, 'route', *OPTIONS, *options, *domains], text=True, capture_output=True)
    found = {}
    for line in run.stdout.splitlines():
        diagnosis = json.loads(line)
        found[diagnosis['domain']] = diagnosis
    check(f'{len(domains)} domains give as many answers', len(found) == len(domains),
          f'{sorted(set(domains) - set(found))} missing; exit {run.returncode}; {run.stderr[-500:]}')
    return found


def table():
    for number, line in enumerate(open(f'{LAB}/routes.tab'), 1):
        line = line.split('#')[0].strip()
        if not line: continue
        parts = [part.strip() for part in line.split('|')]
        yield {'domain': parts[0], 'verdict': parts[1], 'findings': parts[2].split(), 'mx': parts[3],
               'options': parts[4].split() if len(parts) > 4 else [], 'line': number}


def zone_domains():
    """Every mail domain of the zone: whoever adds one there must say in the table what is to be said of it."""
    names, last = set(), None
    for line in open(f'{LAB}/zones/test.zone'):
        line = line.split(';')[0].rstrip()
        if not line or line.startswith('$'): continue
        name = line.split()[0] if not line[0].isspace() else last
        last = name
        if name == '@' or name == 'lab' or name.endswith('.lab') or name.startswith(('_', 'mta-sts.')): continue
        names.add(name.replace('*', 'anything') + '.test')
    return names


def one_of(wanted, have):
    return wanted == '*' or have in wanted.split('/')


def mx_matches(wanted, have):
    if wanted == '*': return True
    rows = [] if wanted == '-' else [row.split() for row in wanted.split(';')]
    if len(rows) != len(have) or have != sorted(have, key=lambda exchanger: exchanger['preference']): return False
    # Hosts of one preference come in the order of the resolver: any.
    for (host, dns, *addresses), exchanger in zip(sorted(rows), sorted(have, key=lambda exchanger: exchanger['host'])):
        if not (one_of(host, exchanger['host']) and one_of(dns, exchanger['dns'])): return False
        if addresses == ['*']: continue
        states = {a['ip']: a['state'] for a in exchanger['addresses']}
        want = dict(a.split('=') for a in addresses)
        if set(want) != set(states) or not all(one_of(want[ip], states[ip]) for ip in want): return False
    return True


def hold_against(row, diagnosis):
    name = row['domain']
    check(f'{name} verdict', one_of(row['verdict'], diagnosis['verdict']), f"want {row['verdict']}, have {diagnosis['verdict']}")
    found = {f['id']: f['severity'] for f in diagnosis['findings']}
    required = [w for w in row['findings'] if w != '-' and not w.startswith('~')]
    may = {w[1:] for w in row['findings'] if w.startswith('~')} | {x for w in required for x in w.split('/')}
    for want in required:
        check(f'{name} finding', any(x in found for x in want.split('/')), f'want {want}, have {sorted(found)}')
    if '*' not in may:
        beyond = sorted(f for f, severity in found.items() if severity in ('medium', 'high') and f not in may)
        check(f'{name} nothing beyond', not beyond, f'{beyond} were not expected')
    have = [f"{m['host']} {m['dns']} " + ' '.join(f"{a['ip']}={a['state']}" for a in m['addresses']) for m in diagnosis['mx']]
    # Both spellings of "no exchanger" are listed with a slash before the rest.
    right = any(mx_matches(wanted, diagnosis['mx']) for wanted in (['-', row['mx'][2:]] if row['mx'].startswith('-/') else [row['mx']]))
    check(f'{name} MX', right, f"want {row['mx']}, have {have}")
    ids = {o['id'] for o in diagnosis['observations']}
    for finding in diagnosis['findings']:
        check(f"{name} {finding['id']} evidence", set(finding['evidence']) <= ids and finding['explanation'], f'{finding}')
    check(f'{name} vantage', diagnosis['vantage']['ok'], diagnosis['vantage'])


def walk():
    rows = list(table())
    listed = {row['domain'] for row in rows}
    check('every domain of the zone is in the table', zone_domains() <= listed, sorted(zone_domains() - listed))
    for options in sorted({tuple(row['options']) for row in rows}):
        group = [row for row in rows if tuple(row['options']) == options]
        found = route([row['domain'] for row in group], *options)
        for row in group:
            if row['domain'] in found: hold_against(row, found[row['domain']])
    print(f'  {len(rows)} domains', flush=True)


def faults():
    for fault, verdict, state in [('drop', 'undeliverable_transient', 'timeout'), ('refuse', 'undeliverable_transient', 'refused'),
                                  ('mute', 'undeliverable_transient', 'greeting_timeout'), ('loss', 'deliverable', 'ok'),
                                  ('slow', 'deliverable', 'ok'), ('none', 'deliverable', 'ok')]:
        lab('fault', 'dest-ok', fault)
        # The other canary is on another host: only the one that is broken fails.
        diagnosis = route(['ok.test']).get('ok.test')
        if not diagnosis: continue
        have = [a['state'] for m in diagnosis['mx'] for a in m['addresses']]
        check(f'fault {fault}', diagnosis['verdict'] == verdict and have == [state], f"{diagnosis['verdict']} {have}")
        print(f"  fault {fault}: {diagnosis['verdict']}", flush=True)


FORMERR = '''
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("10.77.0.9", 53)); print("ready", flush=True)
while True:
    question, peer = s.recvfrom(4096)
    if len(question) > 12: s.sendto(question[:2] + bytes([0x80 | (question[2] & 1), 0x81]) + bytes(8), peer)
'''


def blind():
    responder = subprocess.Popen([f'{LAB}/lab.sh', 'tester', sys.executable, '-c', FORMERR], stdout=subprocess.PIPE, text=True)
    responder.stdout.readline()
    try:
        for what, resolver in [('answers FORMERR', '10.77.0.9'), ('answers REFUSED', '10.77.0.4'), ('is silent', '10.77.0.31'),
                               ('refuses packets', '10.77.0.32')]:
            for domain in ['ok.test', 'nobody-registered-this.test']:
                diagnosis = route([domain], '--resolver', resolver, '--deadline', '12s').get(domain)
                if diagnosis:
                    check(f'a resolver that {what}', diagnosis['verdict'] == 'vantage_blind' and not diagnosis['vantage']['ok'],
                          f"{domain}: {diagnosis['verdict']} {[f['id'] for f in diagnosis['findings']]}")
            print(f'  resolver that {what}: vantage_blind', flush=True)
    finally:
        responder.kill()


def captured(work, folder):
    """Does the work while every packet of the tester is kept; gives the file."""
    file = f'{folder}/tester.pcap'
    netns = ['ip', 'netns', 'exec', 'lab-tester']
    for address in SPECIAL_USE:
        subprocess.run(['ip', '-n', 'lab-tester', 'route', 'replace', f'{address}/32', 'dev', 'eth0'], check=True)
    dump = subprocess.Popen([*netns, 'tcpdump', '-i', 'any', '-U', '-w', file], stderr=subprocess.PIPE, text=True)
    dump.stderr.readline()
    try:
        work()
    finally:
        dump.send_signal(signal.SIGINT)
        dump.wait()
    return file


def packets(file, *expression):
    return subprocess.run(['tcpdump', '-nn', '-A', '-r', file, *expression], text=True, errors='replace', capture_output=True).stdout


def look_at(file):
    talk = packets(file, 'tcp dst port 25')
    check('the capture holds conversations', len(re.findall(r'EHLO tester\.lab\.test', talk)) > 20, 'fewer than 20 EHLO')
    for command in ['MAIL FROM', 'RCPT TO', 'DATA', 'VRFY', 'EXPN', 'BDAT']:
        check(f'{command} was never sent', not re.search(rf'(?im)(^|[^-\w]){command}\b', talk), command)
    for address, domain in SPECIAL_USE.items():
        seen = packets(file, 'host', address) + packets(file, 'arp', 'host', address)
        check(f'{address} ({domain}) was never contacted', not seen, seen[:200])
    check('the loopback was never contacted', not packets(file, 'tcp', 'port', '25', 'and', 'net', '127.0.0.0/8'), '127.0.0.1:25')


with tempfile.TemporaryDirectory() as folder:
    look_at(captured(lambda: (walk(), faults(), blind()), folder))
print(f'{checks - len(wrong)} passed, {len(wrong)} failed')
sys.exit(1 if wrong else 0)

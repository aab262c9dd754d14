import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TlsOptions } from 'node:tls';
import { connectAsync, type MqttClient } from 'mqtt';
import t, { type Test } from 'tap';
import { type BrokerAccess, connectMqtt, type MqttTransport } from '../../drivers/index.ts';
import { shippedFolder, typeGuide } from '../peers/broker-guide.ts';
import { certificatesScript, startShippedMosquitto } from '../peers/mosquitto.ts';
import { run, until } from '../peers/processes.ts';

type Event = { readonly event: string } & Readonly<Record<string, string | number | boolean>>;

t.setTimeout(90_000);

const folder = mkdtempSync(join(tmpdir(), 'gq-rights-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const authority = join(folder, 'authority');
const stranger = join(folder, 'stranger');

/** The shipped script, as an operator types it. */
async function certificates(where: string, ...words: string[]) {
  return run('env', [`AUTHORITY=${where}`, 'bash', certificatesScript, ...words]);
}

async function issued(where: string, ...words: string[]) {
  const { status, stderr } = await certificates(where, ...words);
  if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
}

/** A certificate that the script would not make: of any name, and of any time. */
async function misissued(name: string, { commonName, end }: { commonName: string; end?: string }) {
  const request = join(authority, 'odd.csr');
  const config = join(authority, 'openssl.cnf');
  const openssl = async (...words: string[]) => {
    const env = ['-C', authority, 'BROKER_NAMES=DNS:localhost,IP:127.0.0.1', 'openssl'];
    const { status, stderr } = await run('env', [...env, ...words]);
    if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
  };
  const key = join(authority, `${name}.key`);
  await openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', key);
  chmodSync(key, 0o600);
  const subject = ['-subj', `/CN=${commonName.replaceAll(/[/+]/g, '\\$&')}`];
  await openssl('req', '-new', '-config', config, '-key', key, ...subject, '-out', request);
  const times = end === undefined ? ['-days', '2'] : ['-startdate', '20200101000000Z', '-enddate', end];
  const extensions = ['-extensions', end === undefined ? 'meter' : 'broker'];
  const files = ['-in', request, '-out', join(authority, `${name}.crt`)];
  await openssl('ca', '-batch', '-notext', '-config', config, ...subject, ...times, ...extensions, ...files);
}

const credentials = (name: string, where = authority) => ({
  caFile: join(authority, 'ca.crt'),
  certFile: join(where, `${name}.crt`),
  keyFile: join(where, `${name}.key`),
});

function joining(t: Test, url: string, nodeId: string, more: Partial<BrokerAccess> = credentials(nodeId)) {
  const events: Event[] = [];
  const transport = connectMqtt({
    brokers: [{ url, protocolVersion: 5, reconnectMsMin: 20, reconnectMsMax: 100, ...more }],
    clientId: `elm-street-${nodeId}`,
    network: 'elm-street',
    nodeId,
    log: (event) => events.push(event),
  });
  t.teardown(() => transport.stop({ timeoutMs: 200 }));
  return { transport, events };
}

/** A client of the library as it is, which keeps to no rules of ours. */
async function outlaw(t: Test, url: string, name: string, clientId: string): Promise<MqttClient> {
  const { caFile, certFile, keyFile } = credentials(name);
  const client = await connectAsync(url, {
    ...{ ca: readFileSync(caFile), cert: readFileSync(certFile), key: readFileSync(keyFile) },
    ...{ clientId, protocolVersion: 5, reconnectPeriod: 0 },
  });
  client.on('error', () => undefined);
  t.teardown(() => client.endAsync(true));
  return client;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (payload: Uint8Array) => new TextDecoder().decode(payload);

function hearing(transport: MqttTransport) {
  const heard: string[] = [];
  transport.onMessage(({ channel, from, payload }) => heard.push(`${channel} ${from} ${text(payload)}`));
  return heard;
}

t.before(async () => {
  await issued(authority, 'ca');
  await issued(authority, 'broker', 'localhost', '127.0.0.1');
  for (const meter of ['meter-a', 'meter-b', 'meter-c', 'meter-lost'])
    await issued(authority, 'meter', meter);
  await issued(authority, 'meter', 'meter-lost');
  await issued(authority, 'revoke', 'meter-lost');
  await issued(stranger, 'ca');
  await issued(stranger, 'meter', 'meter-a');
  await issued(stranger, 'broker', '127.0.0.1');
});

t.test('the authority signs no name that could be more than one level of a topic', async (t) => {
  for (const name of ['Meter', 'a/b', '+', '#', 'a b', 'a_b', '', 'x'.repeat(65), 'é'])
    t.match(await certificates(authority, 'meter', name), { status: 1, stderr: /is no node id/ }, name);
  t.match(await certificates(authority, 'revoke', 'nobody'), { status: 1, stderr: /no valid certificate/ });
  t.match(await certificates(authority, 'broker', 'a b'), { status: 1, stderr: /neither a DNS name nor/ });
  t.match(await certificates(authority, 'ca'), { status: 1, stderr: /holds an authority already/ });
  t.match(await certificates(join(folder, 'none'), 'crl'), { status: 1, stderr: /begin with/ });
  t.match(await certificates(authority, 'sing'), { status: 2, stderr: /certificates.sh revoke NODE-ID/ });

  // A meter's key need never leave it: it asks with a signing request, and its own idea of its name does not count.
  const [key, request] = [join(folder, 'own.key'), join(folder, 'own.csr')];
  await run('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key]);
  await run('openssl', ['req', '-new', '-key', key, '-subj', '/CN=meter-a', '-out', request]);
  await issued(authority, 'meter', 'meter-own', request);
  const shown = await run('openssl', ['x509', '-in', join(authority, 'meter-own.crt'), '-noout', '-subject']);
  t.match(shown.stdout, /CN ?= ?meter-own/);
});

t.test('what the guide tells an operator to type gives a meter two brokers on one host', async (t) => {
  const place = join(folder, 'guided');
  const replaced = {
    '/root/gridquorum-authority': place,
    'broker.example 192.0.2.7': 'localhost 127.0.0.1',
    'meter.csr': join(folder, 'meter.csr'),
    'home.key': join(folder, 'home.key'),
  };
  await typeGuide('request', { folder: shippedFolder, replaced });
  await typeGuide('authority', { folder: shippedFolder, replaced });
  const address = 'cd0c9a890b1b7469a24b373070dbba730970f9f8';
  const access = {
    caFile: join(place, 'ca.crt'),
    certFile: join(place, `${address}.crt`),
    keyFile: join(folder, 'home.key'),
  };
  const first = await startShippedMosquitto(place, 'localhost');
  t.teardown(() => first.stop());
  const second = await first.second();
  t.teardown(() => second.stop());
  for (const { url } of [first, second]) {
    const { transport } = joining(t, url, address, access);
    await until('the meter is let in', () => transport.connected);
  }
  const installed = statSync(join(first.folder, 'etc/conf.d/gridquorum.conf'));
  t.equal(installed.mode & 0o777, 0o644, 'a configuration is no program');
  const service = readFileSync(join(first.folder, 'mosquitto-second.service'), 'utf8');
  t.match(service, 'etc/second.conf');
});

t.test('the shipped Mosquitto gives each meter its own topics and no others', async (t) => {
  const mosquitto = await startShippedMosquitto(authority, 'localhost');
  t.teardown(() => mosquitto.stop());
  const { url } = mosquitto;
  const b = joining(t, url, 'meter-b').transport;
  const c = joining(t, `mqtts://localhost:${mosquitto.port}`, 'meter-c', {
    ...credentials('meter-c'),
    protocolVersion: 4,
  }).transport;
  await until('both are up', () => b.connected && c.connected);
  const [heardB, heardC] = [hearing(b), hearing(c)];

  // It takes the id of another's session; the broker gives it its own.
  const liar = await outlaw(t, url, 'meter-a', 'elm-street-meter-b');
  const overheard: string[] = [];
  liar.on('message', (topic, payload) => overheard.push(`${topic} ${payload}`));
  await liar.subscribeAsync(['#', '$SYS/#', 'g/elm-street/1/+/+', 'g/elm-street/1/+/meter-b/+'], { qos: 1 });
  const forged = [
    'g/elm-street/1/vote/meter-b',
    'g/elm-street/1/sync-response/meter-c/meter-b',
    'g/elm-street/1/vote/meter-a/x',
    'g/elm-street/1/clock',
    'elsewhere/meter-a',
    'meter-a',
  ];
  for (const topic of forged)
    await t.rejects(
      liar.publishAsync(topic, 'forged', { qos: 1 }),
      { code: 135 },
      `${topic}: not authorised`,
    );
  await liar.publishAsync('g/elm-street/1/vote/meter-a', 'my own', { qos: 1 });
  await liar.publishAsync('g/elm-street/1/sync-request/meter-c/meter-a', 'my own to c', { qos: 1 });
  b.publish({ channel: 'sync-response', to: 'meter-c', payload: bytes('for c alone') });
  c.publish({ channel: 'sync-response', to: 'meter-b', payload: bytes('for b alone') });
  await until('all that is allowed has come', () => heardC.length === 3 && heardB.length === 2);
  b.publish({ channel: 'vote', payload: bytes('last') });
  await until(
    'the last has come',
    () => heardC.length === 4 && overheard.some((one) => one.endsWith(' last')),
  );
  t.same([...heardC].sort(), [
    'sync-request meter-a my own to c',
    'sync-response meter-b for c alone',
    'vote meter-a my own',
    'vote meter-b last',
  ]);
  t.same([...heardB].sort(), ['sync-response meter-c for b alone', 'vote meter-a my own']);
  t.same(
    [...new Set(overheard)].sort(),
    ['g/elm-street/1/vote/meter-a my own', 'g/elm-street/1/vote/meter-b last'],
    'what is addressed to others, and what the broker tells of itself, it does not hear',
  );
  t.match([b.counters.losses, c.counters.losses], [0, 0], 'and nobody lost his session');
  const retaining = await outlaw(t, url, 'meter-a', 'x');
  const thrownOut = new Promise<void>((resolve) => retaining.once('close', () => resolve()));
  retaining.publish('g/elm-street/1/vote/meter-a', 'for ever', { qos: 1, retain: true }, () => undefined);
  await thrownOut;
  t.ok(b.connected && c.connected);
});

t.test('who has no right to connect is told why', async (t) => {
  const mosquitto = await startShippedMosquitto(authority, 'localhost');
  t.teardown(() => mosquitto.stop());
  const { url } = mosquitto;
  const refusal = async (what: string, nodeId: string, more: Partial<BrokerAccess>, address = url) => {
    const { transport, events } = joining(t, address, nodeId, more);
    await until(what, () => events.length > 0);
    t.notOk(transport.connected, what);
    const problem = transport.brokers[0]?.problem;
    t.comment(`${what}: ${problem?.reason}`);
    t.notMatch(JSON.stringify(events), /PRIVATE|BEGIN/);
    await transport.stop();
    return problem?.code;
  };
  const ca = { caFile: join(authority, 'ca.crt') };
  t.equal(await refusal('revoked', 'meter-lost', credentials('meter-lost')), 'DRIVERS_CERTIFICATE_REFUSED');
  t.equal(
    await refusal('stranger', 'meter-a', credentials('meter-a', stranger)),
    'DRIVERS_CERTIFICATE_REFUSED',
  );
  t.equal(await refusal('nobody', 'meter-a', ca), 'DRIVERS_CERTIFICATE_REFUSED');
  t.equal(
    await refusal('a broker of another authority', 'meter-a', {
      ...credentials('meter-a'),
      caFile: join(stranger, 'ca.crt'),
    }),
    'DRIVERS_CERTIFICATE_UNTRUSTED',
  );
  t.equal(
    await refusal('an authority of the system', 'meter-a', { ...credentials('meter-a'), caFile: undefined }),
    'DRIVERS_CERTIFICATE_UNTRUSTED',
  );
  const plain = `mqtt://127.0.0.1:${mosquitto.port}`;
  t.equal(await refusal('without TLS', 'meter-a', {}, plain), 'DRIVERS_BROKER_UNREACHABLE');

  // A meter's certificate is no broker's, so that no meter can stand in for one.
  await issued(authority, 'broker', 'elsewhere.example');
  await misissued('old', { commonName: 'localhost', end: '20210101000000Z' });
  const serving = async (name: string, more: TlsOptions = {}) => {
    const [cert, key] = ['crt', 'key'].map((end) => readFileSync(join(authority, `${name}.${end}`)));
    const server = createServer({ cert, key, ...more } as TlsOptions, (socket) => socket.destroy());
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const address = server.address();
    return `mqtts://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  };
  for (const [name, code, more] of [
    ['old', 'DRIVERS_CERTIFICATE_EXPIRED', {}],
    ['elsewhere.example', 'DRIVERS_CERTIFICATE_WRONG_NAME', {}],
    ['meter-b', 'DRIVERS_CERTIFICATE_UNTRUSTED', {}],
    [
      'localhost',
      'DRIVERS_TLS_FAILED',
      { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' },
    ],
  ] as const)
    t.equal(
      await refusal(`${name} as a broker`, 'meter-a', credentials('meter-a'), await serving(name, more)),
      code,
    );
});

t.test('a certificate of an unheard-of name gets nowhere, whoever signed it', async (t) => {
  const mosquitto = await startShippedMosquitto(authority, 'localhost');
  t.teardown(() => mosquitto.stop());
  const b = joining(t, mosquitto.url, 'meter-b').transport;
  await until('it is up', () => b.connected);
  const heard = hearing(b);
  for (const [index, commonName] of ['+', '#', 'Meter', 'a/b'].entries()) {
    const name = `odd-${index}`;
    await misissued(name, { commonName });
    const access = credentials(name);
    t.throws(() => joining(t, mosquitto.url, 'meter-b', access), {
      code: 'DRIVERS_BAD_CREDENTIALS',
      message: /a-z, 0-9 and hyphens/,
    });
    const client = await outlaw(t, mosquitto.url, name, 'x').catch(() => undefined);
    for (const topic of ['vote/meter-b', 'vote/meter-a', `vote/${commonName.replace(/[+#]/, 'any')}`])
      await client?.publishAsync(`g/elm-street/1/${topic}`, 'forged', { qos: 1 }).catch(() => undefined);
  }
  const a = joining(t, mosquitto.url, 'meter-a').transport;
  a.publish({ channel: 'vote', payload: bytes('honest') });
  await until('the honest one is heard', () => heard.length > 0);
  t.same(heard, ['vote meter-a honest']);
});

t.test('files that will not do are named at once, with what to do', async (t) => {
  const own = credentials('meter-a');
  const place = (name: string, content: string | Buffer, mode = 0o600) => {
    const file = join(folder, name);
    writeFileSync(file, content, { mode });
    chmodSync(file, mode);
    return file;
  };
  const exposed = place('exposed.key', readFileSync(own.keyFile), 0o640);
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', ['-m', '600', pipe]);
  const url = 'mqtts://127.0.0.1:1';
  for (const [what, access, message] of [
    ['a key in a pipe', { keyFile: pipe }, /pipe is no file/],
    ['a certificate in a pipe', { certFile: pipe }, /pipe is no file/],
    ['an authority that never ends', { caFile: '/dev/zero' }, /zero is no file/],
    ['a key that others may read', { keyFile: exposed }, /mode 0640\): chmod 600/],
    ['a key that is not there', { keyFile: '/nowhere/key' }, /Cannot read \/nowhere\/key/],
    ['a key of another', { keyFile: credentials('meter-b').keyFile }, /is not the key of/],
    ['a key that is none', { keyFile: place('none.key', 'secret words') }, /no private key in PEM/],
    ['a certificate that is none', { certFile: place('none.crt', 'words') }, /no certificate in PEM/],
    ['an authority that is none', { caFile: place('none.ca', 'words') }, /no certificate in PEM/],
    ['an authority too large', { caFile: place('large', Buffer.alloc(2e6)) }, /too large/],
    ['half of it', { keyFile: undefined }, /go together/],
    ['of another home', credentials('meter-b'), /issued to "meter-b", and this node is "meter-a"/],
  ] as const)
    t.throws(
      () => joining(t, url, 'meter-a', { ...own, ...access }),
      { code: 'DRIVERS_BAD_CREDENTIALS', message },
      what,
    );

  // Renewed while the agent runs: the next connection goes by the new one; unreadable, it is told and tried again.
  const mosquitto = await startShippedMosquitto(authority, 'localhost');
  t.teardown(() => mosquitto.stop());
  const [certFile, keyFile] = [join(folder, 'live.crt'), join(folder, 'live.key')];
  copyFileSync(own.certFile, certFile);
  copyFileSync(own.keyFile, keyFile);
  const { transport, events } = joining(t, mosquitto.url, 'meter-a', { ...own, certFile, keyFile });
  await until('it is up', () => transport.connected);
  chmodSync(keyFile, 0o644);
  await mosquitto.kill();
  await mosquitto.start();
  await until('the key is refused', () => events.some(({ code }) => code === 'DRIVERS_BAD_CREDENTIALS'));
  await issued(authority, 'meter', 'meter-a');
  copyFileSync(own.certFile, certFile);
  copyFileSync(own.keyFile, keyFile);
  chmodSync(keyFile, 0o600);
  await until('it is up again', () => transport.connected);
});

t.test('a certificate that is revoked while its meter is connected', async (t) => {
  const mosquitto = await startShippedMosquitto(authority, 'localhost');
  t.teardown(() => mosquitto.stop());
  const { transport, events } = joining(t, mosquitto.url, 'meter-c');
  await until('it is up', () => transport.connected);
  await issued(authority, 'revoke', 'meter-c');
  copyFileSync(join(authority, 'revoked.crl'), join(mosquitto.folder, 'etc/gridquorum/revoked.crl'));
  await mosquitto.kill();
  await mosquitto.start();
  await until('it is refused', () => events.some(({ code }) => code === 'DRIVERS_CERTIFICATE_REFUSED'));
  t.notOk(transport.connected);
});

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { startAgent } from '../../agent/agent.ts';
import { exitCodeOf, exitCodes } from '../../agent/cli/exit-codes.ts';
import { decodeClockSetting, encodeClockSetting, simulatedClock } from '../../agent/clock/simulated.ts';
import { checkDay, loadConfig, loadDay } from '../../agent/config/load.ts';
import { type AgentConfig, configSchema } from '../../agent/config/schema.ts';
import { dispatch, slotPlan, trim } from '../../agent/cycle/dispatch.ts';
import { boundaryOf, energyBetween } from '../../agent/cycle/settle.ts';
import type { Devices } from '../../agent/devices.ts';
import { askLocalApi, orderLocalApi, startLocalApi } from '../../agent/diagnostics/local-api.ts';
import { AgentError } from '../../agent/errors.ts';
import { readInputText } from '../../agent/input-text.ts';
import { type Journal, openJournal } from '../../agent/journal.ts';
import { openOwnKey } from '../../agent/own-key.ts';
import { openOwnStore, readGenesis } from '../../agent/own-store.ts';
import { together } from '../../agent/together.ts';
import {
  kwToMilliwatts,
  milliwattsToKw,
  wattHoursToWattSeconds,
  wattSecondsToKwh,
} from '../../agent/translate/units.ts';
import {
  drawKey,
  formatGenesis,
  genesisEntries,
  parseGenesis,
  replaceKeyFile,
  writeKeyFile,
} from '../../consensus/index.ts';
import { DriversError } from '../../drivers/index.ts';

type SetPoint = { readonly powerW: number };

const quiet = () => undefined;
const example = new URL('../../../agent/config/example.yaml', import.meta.url);

t.test('simulated time follows what it is told and never goes back', async (t) => {
  let wallMs = 1_000;
  const clock = simulatedClock(50_000, () => wallMs);
  t.equal(clock.utcMs(), 50_000);
  wallMs += 500;
  t.equal(clock.utcMs(), 50_000, 'it stands until it is set');
  clock.adjust({ utcMs: 60_000, wallMs: 1_500, speed: 10 });
  wallMs += 100;
  t.equal(clock.utcMs(), 61_000);
  clock.adjust({ utcMs: 30_000, wallMs, speed: 10 });
  t.equal(clock.utcMs(), 61_000, 'time told is not taken back');
  const wild = simulatedClock(0);
  wild.adjust({ utcMs: 60_000, wallMs: 0, speed: 1_000_000 });
  t.ok(new Date(wild.utcMs()).toISOString(), 'what it tells is a date, whatever it was told');

  await t.test('a wait ends when the clock jumps past it, and when it is aborted', async (t) => {
    const live = simulatedClock(0);
    const never = new AbortController();
    const waiting = live.waitUntil(1_000_000, never.signal);
    live.adjust({ utcMs: 2_000_000, wallMs: Date.now(), speed: 1 });
    await waiting;
    t.ok(live.utcMs() >= 2_000_000);
    const aborted = live.waitUntil(9_000_000, never.signal);
    never.abort();
    await t.rejects(aborted, { code: 'AGENT_ABORTED' });
  });
});

t.test('a clock setting from the broker is itself or a typed error', (t) => {
  const setting = { utcMs: 1, wallMs: 2.5, speed: 3_600 };
  t.same(decodeClockSetting(encodeClockSetting(setting)), setting);
  const beyond = encodeClockSetting({ ...setting, utcMs: Number.MAX_SAFE_INTEGER });
  t.throws(() => decodeClockSetting(beyond), { code: 'AGENT_BAD_DATA' }, 'no date is so late');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => new TextEncoder().encode(text)),
      ),
      (bytes) => {
        try {
          decodeClockSetting(bytes);
        } catch (error) {
          return error instanceof AgentError && error.code === 'AGENT_BAD_DATA';
        }
        return true;
      },
    ),
  );
  t.end();
});

t.test('the example configuration is valid, and what is wrong is named', async (t) => {
  const text = readFileSync(example, 'utf8');
  const write = (content: string) => {
    const file = join(t.testdir(), 'config.yaml');
    writeFileSync(file, content);
    return file;
  };
  const config = await loadConfig(write(text));
  t.equal(config.home, 'maple-street-7');
  t.throws(() => Object.assign(config.market, { form: 'pairwise' }), 'it is frozen');

  for (const [what, from, to, named] of [
    ['an unknown key', 'logLevel: info', 'loglevel: info', /loglevel/],
    ['a wrong type', 'importWMax: 17000', 'importWMax: plenty', /connection\.importWMax/],
    ['a device twice', 'id: pv,', 'id: meter,', /"meter" is there twice/],
    ['no meter', 'kind: meter', 'kind: pv', /needs a meter/],
    ['a profile missing', 'profile: wallbox-generic,', '', /needs a profile/],
    ['crossed limits', 'reconnectMsMin: 1000', 'reconnectMsMin: 60001', /reconnectMs|<=60000/],
    [
      'two of a kind',
      'id: wallbox,\n      kind: evse,',
      'id: wallbox, kind: pv,',
      /"pv" and "wallbox" are both pv/,
    ],
    [
      'a driver that cannot',
      'driver: sunspec, host: 192.0.2.11',
      'driver: profile, profile: x, host: 192.0.2.11',
      /needs the driver "sunspec"/,
    ],
    [
      'an efficiency of nothing',
      'chargeEfficiency: 0.95',
      'chargeEfficiency: 0',
      /battery\.chargeEfficiency/,
    ],
    ['a broker not spoken to', 'mqtts://broker', 'wss://broker', /brokers\.0\.url/],
    ['a broker twice', 'broker.other.example', 'broker.example', /brokers\.1: .* is there twice/],
    ['certificates without TLS', 'mqtts://broker.example', 'mqtt://broker.example', /begins with mqtts/],
    ['half of a certificate', 'certFile: /etc/gridquorum/home.crt\n', '\n', /go together/],
    ['the key of before', 'brokers:', 'broker:', /brokers: .*broker/],
    ['crossed waiting times', 'reconnectMsMax: 60000', 'reconnectMsMax: 900', /reconnectMsMin is above/],
    ['crossed time-outs', 'maxTimeoutMs: 60000', 'maxTimeoutMs: 900', /baseTimeoutMs is above/],
    ['broken YAML', 'devices:', 'devices: [', /config\.yaml/],
  ] as const) {
    t.ok(text.includes(from), what);
    await t.rejects(
      loadConfig(write(text.replace(from, to))),
      { code: 'AGENT_BAD_CONFIG', message: named },
      what,
    );
  }
  await t.rejects(loadConfig('/nowhere/config.yaml'), { code: 'AGENT_FILE_MISSING' });
  await t.rejects(loadDay(write('day: 2017-05-08')), { code: 'AGENT_BAD_CONFIG' });
  await t.rejects(loadConfig(write('a: &a [*a]')), { code: 'AGENT_BAD_CONFIG' });
});

t.test('what the guide shows of a home, its day and its network fits together', async (t) => {
  const guide = readFileSync(new URL('../../../docs/running.md', import.meta.url), 'utf8');
  const genesis = parseGenesis(/```json\n([^`]*)```/.exec(guide)?.[1] ?? '');
  t.ok(genesisEntries(genesis).length > 1, 'the contract takes the genesis');
  const config = await loadConfig(fileURLToPath(example));
  checkDay(config, await loadDay(config.dayFile), genesis);
  const text = readFileSync(example, 'utf8');
  for (const key of Object.keys(configSchema.shape)) t.match(text, new RegExp(`^(# )?${key}:`, 'm'), key);
  const heatPump = text.replace(/^# ((hvac:| {2}\w+:).*)$/gm, '$1');
  const withHvac = await loadConfig(await written(t, 'hvac.yaml', heatPump));
  t.equal(withHvac.hvac?.powerKwMax, 2.5);
});

t.test('a day of figures that cannot be is refused', async (t) => {
  for (const [series, value] of [
    ['importPricePerKwh', 1e300],
    ['feedInPricePerKwh', -1e6],
    ['loadForecastKw', 1e9],
    ['pvForecastKw', 1_001],
  ] as const) {
    const file = await written(t, 'day.json', JSON.stringify({ ...dayOf(2), [series]: [0, value] }));
    await t.rejects(loadDay(file), { code: 'AGENT_BAD_CONFIG', message: new RegExp(`${series}\\.1`) });
  }
});

t.test('a day that fits neither the ledger nor the vehicle is refused before anything starts', async (t) => {
  const day = await loadDay(await written(t, 'day.json', JSON.stringify(dayOf(2))));
  const config = await loadConfig(fileURLToPath(example));
  const vehicle = { capacityKwh: 40, chargeKwMax: 7, chargeEfficiency: 0.9, wearPerKwh: 0 };
  const withVehicle = (...present: (0 | 1)[]): AgentConfig => ({
    ...config,
    ev: { ...vehicle, present, energyKwhMin: [0, 8], drivenKwh: [0, 0] },
  });
  const ledger = { slotMs: 3_600_000 };
  checkDay(withVehicle(1, 1), day, ledger);
  for (const [attempt, message] of [
    [() => checkDay(config, day, { slotMs: 900_000 }), /ledger settles slots of 900000/],
    [() => checkDay(config, { ...day, startMs: day.startMs + 1 }, ledger), /startMs/],
    [() => checkDay(withVehicle(1), day, ledger), /2 slots, and ev\.present of the configuration 1/],
  ] as const) {
    t.throws(attempt, { code: 'AGENT_BAD_CONFIG', message });
  }
});

const dayOf = (slots: number) => {
  const series = (value: number) => new Array<number>(slots).fill(value);
  return {
    day: '2026-06-01',
    startMs: Date.UTC(2026, 5, 1),
    slotMs: 3_600_000,
    importPricePerKwh: series(0.3),
    feedInPricePerKwh: series(0.1),
    outdoorC: series(15),
    loadForecastKw: series(0.5),
    pvForecastKw: series(0),
  };
};

async function written(t: Test, name: string, content: string): Promise<string> {
  const file = join(t.testdir(), name);
  writeFileSync(file, content);
  return file;
}

t.test('a file without end is read no further than any honest one goes', async (t) => {
  const endless = '/dev/zero';
  const reads = [
    () => loadConfig(endless),
    () => loadDay(endless),
    () => readGenesis({ genesisFile: endless }),
  ];
  for (const read of reads) await t.rejects(read() as Promise<unknown>, { code: 'AGENT_BAD_DATA' });
});

t.test('what is no file is named, and nobody waits for it', async (t) => {
  const directory = t.testdir({ taken: 'a file', 'journal.json': {} });
  const put = (name: string, content: string) => {
    const file = join(directory, name);
    writeFileSync(file, content);
    return file;
  };
  await t.rejects(loadConfig(directory), { code: 'AGENT_FILE_MISSING', message: /is a directory/ });
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  await t.rejects(loadConfig(pipe), { code: 'AGENT_FILE_MISSING', message: /nobody writes/ });
  const asked = new AbortController();
  const starting = startAgent(pipe, () => undefined, { signal: asked.signal });
  asked.abort();
  await t.rejects(starting, { code: 'AGENT_ABORTED' }, 'who is asked to end waits no longer');
  const read = readInputText(pipe, { bytesMax: 100 });
  const writer = await open(pipe, 'w');
  await writer.write('one, ');
  await writer.write('two');
  await writer.close();
  t.equal(await read, 'one, two', 'a pipe into which somebody writes is as good as a file');
  const deep = put('deep.yaml', '['.repeat(100_000));
  await t.rejects(loadConfig(deep), { code: 'AGENT_BAD_CONFIG', message: /deep\.yaml: .*nested too deeply/ });

  const guide = readFileSync(new URL('../../../docs/running.md', import.meta.url), 'utf8');
  const genesis = parseGenesis(/```json\n([^`]*)```/.exec(guide)?.[1] ?? '');
  for (const place of ['/proc/nope', join(directory, 'taken'), join(directory, 'taken/below')])
    await t.rejects(openOwnStore({ directory: place }, genesis), {
      code: 'AGENT_BAD_CONFIG',
      message: /^directory: .* cannot be made/,
    });
  for (const change of [{ network: 'a/b+#' }, { timeMs: 9e15 }]) {
    const file = put('genesis.json', JSON.stringify({ ...JSON.parse(formatGenesis(genesis)), ...change }));
    await t.rejects(readGenesis({ genesisFile: file }), {
      code: 'AGENT_BAD_DATA',
      message: /genesis\.json: (network|timeMs)/,
    });
  }
  await t.rejects(openJournal(directory), {
    code: 'AGENT_BAD_CONFIG',
    message: /journal\.json is a directory/,
  });
  t.equal(exitCodeOf(new DriversError('DRIVERS_BAD_CREDENTIALS', 'mode 0644')), exitCodes.badInput);
});

t.test('garbage as a configuration is a typed error', async (t) => {
  const file = join(t.testdir(), 'config.yaml');
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string(), fc.json(), fc.string({ unit: 'binary' })), async (content) => {
      writeFileSync(file, content);
      await loadConfig(file).then(
        () => t.fail('garbage was accepted'),
        (error) => t.ok(error instanceof AgentError && error.code === 'AGENT_BAD_CONFIG', String(error)),
      );
    }),
    { numRuns: 60 },
  );
});

t.test(
  'the journal survives a cut at every byte, as the old one, the new one or a stated doubt',
  async (t) => {
    const directory = t.testdir();
    const journal: Journal = {
      day: '2017-05-08',
      aloneCost: 1.5,
      soldKw: [0.25, -1],
      untold: [],
      realised: [],
    };
    const file = await openJournal(directory);
    t.same(file.found, {}, 'nothing at first');
    await file.write(journal);
    t.same((await openJournal(directory)).found, { journal });
    await Promise.all([file.write({ ...journal, aloneCost: 2 }), file.write(journal)]);
    t.same((await openJournal(directory)).found, { journal }, 'writes at once come one after the other');

    const path = join(directory, 'journal.json');
    const whole = readFileSync(path);
    for (let bytes = 0; bytes < whole.length; bytes += 1) {
      writeFileSync(path, whole.subarray(0, bytes));
      const { found } = await openJournal(directory);
      if (found.journal !== undefined || found.doubt === undefined)
        t.fail(`cut to ${bytes} bytes: ${JSON.stringify(found)}`);
    }
    for (let at = 0; at < whole.length; at += 7) {
      const flipped = Buffer.from(whole);
      flipped[at]! ^= 1;
      writeFileSync(path, flipped);
      const { found } = await openJournal(directory);
      if (found.journal !== undefined) t.fail(`bit ${at} flipped unseen`);
    }
    t.notOk(existsSync(`${path}.new`), 'no draft is left');
  },
);

t.test('energy between boundaries is what the counters say, however many slots went unwatched', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 1, max: 10 }),
      fc.float({ min: 0, max: 10_000, noNaN: true }),
      fc.float({ min: 0, max: 10_000, noNaN: true }),
      (slot, slots, importWh, exportWh) => {
        const parts = energyBetween(
          { slot, importWh: 100, exportWh: 200 },
          { slot: slot + slots, importWh: 100 + importWh, exportWh: 200 + exportWh },
        );
        const total = parts.reduce((sum, part) => sum + part.importWh - part.exportWh, 0);
        return (
          parts.length === slots &&
          Math.abs(total - (importWh - exportWh)) < 1e-6 &&
          parts[0]!.substituted === slots > 1
        );
      },
    ),
  );
  t.same(energyBetween({ slot: 3, importWh: 0, exportWh: 0 }, { slot: 3, importWh: 9, exportWh: 0 }), []);
  t.end();
});

t.test('a boundary is dated back by the power measured with it', (t) => {
  const head = { quality: 'good', faults: [] } as const;
  const late = { ...head, atMs: 3_600_000 + 36_000, importWh: 110, exportWh: 5, netImportW: 1_000 };
  t.same(boundaryOf(late, 1, 3_600_000), { slot: 1, importWh: 100, exportWh: 5 });
  t.same(boundaryOf({ ...late, netImportW: -1_000 }, 1, 3_600_000), { slot: 1, importWh: 110, exportWh: -5 });
  t.equal(boundaryOf({ ...head, atMs: 0 }, 0, 0), undefined, 'without counters there is no boundary');
  t.end();
});

t.test('the battery makes up for what the forecast missed, within its limits', (t) => {
  const plan = slotPlan(
    {
      fromSlot: 2,
      batteryNetChargeKw: [1],
      evChargeKw: [0],
      hvacKw: [0],
      pvUsedKw: [0],
      pvExpectedKw: [0],
      netImportKw: [3],
    },
    2,
  )!;
  const battery = { chargeKwMax: 5, dischargeKwMax: 2 };
  t.equal(trim(plan, 3.4, battery)?.batteryNetChargeKw.toFixed(3), '0.600');
  t.equal(trim(plan, 9, battery)?.batteryNetChargeKw, -2, 'no further than it can');
  t.equal(trim(plan, 3.01, battery), undefined, 'a few watts are left alone');
  t.end();
});

t.test('what was planned without is left to itself, and not switched off', async (t) => {
  const told: string[] = [];
  const unit = (kind: string) => ({
    id: kind,
    kind,
    charge: async ({ powerW }: SetPoint) => hear(`${kind} ${powerW} W`),
    setPower: async ({ powerW }: SetPoint) => hear(`${kind} ${powerW} W`),
    release: async () => hear(`${kind} released`),
  });
  const hear = (what: string) => {
    told.push(what);
    return { ok: true };
  };
  const devices = {
    find: (kind: string) => (kind === 'evse' || kind === 'hvac' ? unit(kind) : undefined),
  } as unknown as Devices;
  const options = { revertMs: 1, signal: new AbortController().signal, log: quiet };
  const plan = { fromSlot: 0, batteryNetChargeKw: [0], pvUsedKw: [0], pvExpectedKw: [0], netImportKw: [1] };
  // A wallbox that cannot tell the vehicle's charge, a heat pump whose sensor is broken.
  await dispatch(devices, slotPlan({ ...plan, evChargeKw: [], hvacKw: [] }, 0)!, options);
  await dispatch(devices, slotPlan({ ...plan, evChargeKw: [0], hvacKw: [1.5] }, 0)!, options);
  t.same(told, ['evse released', 'hvac released', 'evse 0 W', 'hvac 1500 W']);
});

t.test('units survive the way to integers and back', (t) => {
  fc.assert(
    fc.property(fc.double({ min: -1e4, max: 1e4, noNaN: true }), (kw) => {
      t.ok(Math.abs(milliwattsToKw(kwToMilliwatts(kw)) - kw) <= 5e-7 + 1e-12);
      t.equal(kwToMilliwatts(-kw), -kwToMilliwatts(kw), 'rounding has no favourite direction');
    }),
    { numRuns: 200 },
  );
  t.equal(wattSecondsToKwh(wattHoursToWattSeconds(1_500)), 1.5);
  t.throws(() => kwToMilliwatts(Number.NaN), RangeError);
  t.end();
});

const asking = { findOut: 'Look there.' };

t.test('the local socket answers its owner, and says who is not there', async (t) => {
  // A socket's path is short, and the test's own folder lies too deep for it.
  const directory = mkdtempSync(join(tmpdir(), 'gq-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  await t.rejects(askLocalApi(directory, '/status'), { code: 'AGENT_FILE_MISSING' });
  const answers = {
    tell: { '/status': () => ({ height: 7n }) },
    act: {
      '/double': async (asked: unknown) => ({ twice: 2 * Number((asked as { number: number }).number) }),
      '/refuse': async () => {
        throw new AgentError('AGENT_REFUSED', 'not today');
      },
      '/break': async () => {
        throw new Error('a fault, with a secret in it');
      },
    },
  };
  const api = await startLocalApi(directory, answers, quiet);
  t.equal(statSync(join(directory, 'agent.sock')).mode & 0o777, 0o600);
  t.same(await askLocalApi(directory, '/status'), { height: '7' });
  for (const path of ['/etc/passwd', '/double', '/constructor', '/__proto__'])
    t.same(await askLocalApi(directory, path), { error: 'unknown path' });
  t.same(await orderLocalApi(directory, '/double', { number: 21 }, asking), { twice: 42 });
  await t.rejects(orderLocalApi(directory, '/refuse', {}, asking), {
    code: 'AGENT_REFUSED',
    message: 'not today',
  });
  await t.rejects(orderLocalApi(directory, '/break', {}, asking), {
    code: 'AGENT_NOT_READY',
    message: 'internal',
  });
  await t.rejects(orderLocalApi(directory, '/status', {}, asking), { message: 'unknown path' });
  await t.rejects(orderLocalApi(directory, '/double', 'x'.repeat(20_000), asking), {
    code: 'AGENT_BAD_DATA',
  });
  await api.stop();
  await t.rejects(askLocalApi(directory, '/status'), { code: 'AGENT_FILE_MISSING' });
  await t.rejects(startLocalApi(`/tmp/${'x'.repeat(120)}`, { tell: {} }, quiet), {
    code: 'AGENT_BAD_CONFIG',
  });
  mkdirSync(join(directory, 'agent.sock'));
  await t.rejects(startLocalApi(directory, answers, quiet), {
    code: 'AGENT_BAD_CONFIG',
    message: /agent\.sock is in the way/,
  });
});

t.test('who gives an order learns whether it can have been done', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'gq-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const begun: string[] = [];
  let answer: () => void = () => undefined;
  const act = {
    '/work': () => {
      begun.push('work');
      return new Promise<unknown>((resolve) => {
        answer = () => resolve('done');
      });
    },
  };
  const api = await startLocalApi(directory, { tell: { '/status': () => 'well' }, act }, quiet);
  const lost = t.rejects(orderLocalApi(directory, '/work', {}, asking), {
    code: 'AGENT_ANSWER_LOST',
    message: /may have been carried out\. Look there\./,
  });
  while (begun.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await t.rejects(orderLocalApi(directory, '/work', {}, { ...asking, timeoutMs: 50 }), {
    code: 'AGENT_ANSWER_LOST',
  });
  // As its death would.
  await api.stop();
  await lost;
  answer();

  const again = await startLocalApi(directory, { tell: { '/status': () => 'well' }, act }, quiet);
  t.teardown(() => again.stop());
  const idle = await Promise.all(
    Array.from({ length: 16 }, async () => {
      const socket = connect(join(directory, 'agent.sock'));
      await once(socket, 'connect');
      return socket;
    }),
  );
  const before = begun.length;
  for (const attempt of [askLocalApi(directory, '/status'), orderLocalApi(directory, '/work', {}, asking)])
    await t.rejects(attempt, { code: 'AGENT_NOT_READY', message: /answers others.*Nothing was done/ });
  t.equal(begun.length, before);
  await Promise.all(idle.map((socket) => once(socket.resume(), 'close')));
  t.equal(await askLocalApi(directory, '/status'), 'well', 'who says nothing is cut off');
});

t.test(
  'a key file that will not do is named, and a damaged next one keeps nobody from starting',
  async (t) => {
    const directory = t.testdir();
    const keyFile = join(directory, 'key.json');
    const nextFile = `${keyFile}.next`;
    const key = drawKey();
    await writeKeyFile(keyFile, key);
    for (const content of ['garbage', '{}']) {
      writeFileSync(nextFile, content, { mode: 0o600 });
      const { current, next, doubt } = await openOwnKey({ keyFile });
      t.equal(current.address, key.address);
      t.equal(next, undefined);
      t.match(doubt, `${nextFile}: the key file is not usable`);
      t.equal(readFileSync(nextFile, 'utf8'), content, 'it is left as it was');
    }
    rmSync(nextFile);
    await writeKeyFile(nextFile, drawKey());
    t.match((await openOwnKey({ keyFile })).doubt, /key of another account/);
    rmSync(nextFile);

    await replaceKeyFile(keyFile, key, { passphrase: 'under the stairs' });
    const locked = { code: 'CONSENSUS_KEY_LOCKED' } as const;
    await t.rejects(openOwnKey({ keyFile }), { ...locked, message: /key\.json.*passphraseFile/ });
    const passphraseFile = join(directory, 'passphrase');
    writeFileSync(passphraseFile, 'under the carpet', { mode: 0o600 });
    await t.rejects(openOwnKey({ keyFile, passphraseFile }), {
      ...locked,
      message: new RegExp(passphraseFile),
    });
    writeFileSync(keyFile, 'garbage');
    await t.rejects(openOwnKey({ keyFile }), { code: 'CONSENSUS_BAD_KEY', message: new RegExp(keyFile) });
    await t.rejects(openOwnKey({ keyFile: directory }), { code: 'CONSENSUS_BAD_KEY', message: /is no file/ });
  },
);

t.test(
  'works side by side end together: the first failure aborts the rest, which is waited for',
  async (t) => {
    const ended: string[] = [];
    const untilAborted = async (signal: AbortSignal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      await new Promise((resolve) => setTimeout(resolve, 20));
      ended.push('the slow one');
      throw new Error('a consequence');
    };
    const failing = async () => {
      throw new Error('the cause');
    };
    await t.rejects(together(new AbortController().signal, [untilAborted, failing]), {
      message: 'the cause',
    });
    t.same(ended, ['the slow one']);
  },
);

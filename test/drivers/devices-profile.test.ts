import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { registersOf } from '../../drivers/modbus/registers.ts';
import { encodePoint, tellPoint } from '../../drivers/profiles/interpreter.ts';
import { loadProfile, parseProfile } from '../../drivers/profiles/load.ts';
import type { Profile, ProfilePoint } from '../../drivers/profiles/schema.ts';

const shipped = ['wallbox-generic', 'hvac-generic', 'alfen-ng9xx'];

t.test('the profiles that ship are sound', (t) => {
  for (const name of shipped) t.equal(loadProfile(name).profile, name);
  t.end();
});

/** A shipped profile with one thing changed; `undefined` takes it away. */
function changed(path: string, value: unknown): unknown {
  const profile = structuredClone(loadProfile('wallbox-generic')) as unknown as Record<string, unknown>;
  const steps = path.split('.');
  const last = steps.pop()!;
  let at = profile;
  for (const step of steps) at = at[step] as Record<string, unknown>;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return profile;
}

t.test('a bad profile is named by its path', (t) => {
  const cases: [path: string, value: unknown, where: string][] = [
    ['version', 2, 'version'],
    ['kind', 'toaster', 'kind'],
    ['colour', 'red', ''],
    ['points.powerW.address', 65_536, 'points.powerW.address'],
    ['points.powerW.address', 1.5, 'points.powerW.address'],
    ['points.powerW.scale', 0, 'points.powerW.scale'],
    ['points.powerW.type', 'uint17', 'points.powerW.type'],
    ['points.powerW.registers', 4, 'points.powerW.registers'],
    ['points.serial.registers', undefined, 'points.serial.registers'],
    ['points.powerW.access', 'rw', 'points.powerW.access'],
    ['points.powerW', undefined, 'points.powerW'],
    ['control.setPoint', 'nothing', 'control.setPoint'],
    ['control.setPoint', 'powerW', 'control.setPoint'],
    ['control.effect', 'state', 'control.effect'],
    ['control.max', 'serial', 'control.max'],
    ['control.watchdog.timeout', 'maxPowerW', 'control.watchdog.timeout'],
    ['control.watchdog', { fixedS: 10, refreshS: 10 }, 'control.watchdog.refreshS'],
    ['control.watchdog', undefined, 'control.watchdog'],
    ['control.release', {}, 'control.release'],
    ['control.release', { nothing: 0 }, 'control.release.nothing'],
    ['modbus.registersMax', 126, 'modbus.registersMax'],
  ];
  for (const [path, value, where] of cases) {
    t.throws(
      () => parseProfile(changed(path, value), 'mine.json'),
      { code: 'DRIVERS_BAD_PROFILE', details: { source: 'mine.json', path: where, issue: String } },
      `${path} = ${JSON.stringify(value)}`,
    );
  }
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      try {
        parseProfile(value, 'chance');
        return false;
      } catch (error) {
        return (error as { code?: string }).code === 'DRIVERS_BAD_PROFILE';
      }
    }),
  );
  t.end();
});

t.test('profiles from files', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'profiles-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const own = join(folder, 'own.json');
  writeFileSync(own, JSON.stringify(changed('profile', 'own')));
  t.equal(loadProfile(own).profile, 'own');
  writeFileSync(own, '{ "profile": ');
  t.throws(() => loadProfile(own), { code: 'DRIVERS_BAD_PROFILE', details: { source: own } });
  for (const name of ['nothing', '', '../profiles/wallbox-generic', join(folder, 'none.json')]) {
    t.throws(() => loadProfile(name), { code: 'DRIVERS_BAD_PROFILE' }, name);
  }
  t.end();
});

const point = (parts: Partial<ProfilePoint>): ProfilePoint => ({
  table: 'holding',
  address: 0,
  type: 'uint16',
  order: 'big',
  scale: 1,
  offset: 0,
  na: [],
  access: 'rw',
  ...parts,
});

t.test('points: scale, offset, words, bounds, order', (t) => {
  t.strictSame(tellPoint(point({ scale: 0.1 }), [2153]), { value: 215.3 });
  t.strictSame(tellPoint(point({ type: 'int16', scale: 0.5, offset: -40 }), [0xfffe]), { value: -41 });
  t.strictSame(tellPoint(point({ type: 'uint32', order: 'little' }), [1, 2]), { value: 131_073 });
  t.strictSame(
    tellPoint(point({}), [65_535]),
    { value: 65_535 },
    'a sentinel only where the profile says so',
  );
  t.strictSame(tellPoint(point({ na: [65_535] }), [65_535]), { fault: 'not available' });
  t.strictSame(tellPoint(point({ type: 'int16', na: [-32_768] }), [0x8000]), { fault: 'not available' });
  t.strictSame(tellPoint(point({ type: 'int16' }), [0x8000]), { value: -32_768 });
  t.strictSame(tellPoint(point({ type: 'float32' }), [0x7fc0, 0]), { fault: 'not available' });
  t.strictSame(tellPoint(point({ type: 'float32' }), [0x7f80, 0]), { fault: 'implausible Infinity' });
  t.strictSame(tellPoint(point({ min: 0, max: 100 }), [101]), { fault: 'implausible 101' });
  t.strictSame(tellPoint(point({ values: { '3': 'C' } }), [3]), { value: 'C' });
  t.strictSame(tellPoint(point({ values: { '3': 'C' } }), [4]), { fault: 'unknown code 4' });
  t.strictSame(encodePoint(point({ scale: 0.1 }), 16), { ok: true, registers: [160] });
  t.match(encodePoint(point({}), -1), { ok: false }, 'a negative value never wraps');
  t.match(encodePoint(point({ scale: 0.1 }), 6553.5), { ok: false });
  t.strictSame(encodePoint(point({ type: 'int16', scale: 0.1 }), -21.5), {
    ok: true,
    registers: [0x10000 - 215],
  });
  t.end();
});

t.test('what is written reads back as the same, to half a step', (t) => {
  const numeric = fc.constantFrom('int16', 'uint16', 'int32', 'uint32', 'float32', 'float64' as const);
  const scale = fc.constantFrom(1, 0.1, 0.01, 10, -1, 0.5, 3);
  fc.assert(
    fc.property(
      numeric,
      scale,
      fc.integer({ min: -50, max: 50 }),
      fc.constantFrom('big' as const, 'little' as const),
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      (type, scale, offset, order, value) => {
        const made = point({ type: type as Profile['points'][string]['type'], scale, offset, order });
        const encoded = encodePoint(made, value);
        if (!encoded.ok) return true;
        const told = tellPoint(made, encoded.registers);
        if (told.value === undefined) return false;
        const roundingOf32Bits = type === 'float32' ? 1 : 0;
        return Math.abs(Number(told.value) - value) <= Math.abs(scale) / 2 + roundingOf32Bits + 1e-6;
      },
    ),
    { numRuns: 2000 },
  );
  const anyPoint = fc.constantFrom(...shipped.flatMap((name) => Object.values(loadProfile(name).points)));
  fc.assert(
    fc.property(anyPoint, fc.infiniteStream(fc.integer({ min: 0, max: 0xffff })), (made, stream) => {
      const size = registersOf(made.type, made.registers);
      const told = tellPoint(
        made,
        Array.from({ length: size }, () => stream.next().value as number),
      );
      if (told.value === undefined) return told.fault.length > 0;
      if (typeof told.value === 'string') return true;
      const { min = -Infinity, max = Infinity } = made;
      return Number.isFinite(told.value) && told.value >= min && told.value <= max;
    }),
    { numRuns: 2000 },
  );
  t.end();
});

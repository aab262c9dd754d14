import t from 'tap';
import { type SystemClock, systemClock } from '../../agent/clock/system.ts';

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const NOON_MS = Date.UTC(2026, 10, 22, 12);

/** A computer whose clock may be off by what the test says, beside the true time. */
function computer(offMs = 0) {
  const leaps: { byMs: number; followed: boolean }[] = [];
  let trueMs = NOON_MS;
  const self = {
    offMs,
    leaps,
    clock: undefined as unknown as SystemClock,
    pass: (ms: number) => {
      trueMs += ms;
      self.clock.utcMs();
    },
    /** A block that somebody proposed so long ago. */
    block: (agoMs = 100, alone = false) => self.clock.heard(trueMs - agoMs, alone),
    /** Of the time told, against the true one. */
    errorMs: () => self.clock.utcMs() - trueMs,
  };
  self.clock = systemClock({
    toleranceMs: 10_000,
    onLeap: (leap) => leaps.push(leap),
    wallMs: () => trueMs + self.offMs,
    monotonicMs: () => trueMs - NOON_MS,
  });
  return self;
}

t.test('a leap of the computer’s clock is told, and not followed', async (t) => {
  for (const leapMs of [HOUR_MS, -HOUR_MS, 3 * YEAR_MS]) {
    const home = computer();
    home.block();
    home.pass(60_000);
    t.match(home.clock.standing(), { proven: true, leapMs: 0 });
    home.offMs = leapMs;
    home.pass(60_000);
    t.equal(home.errorMs(), 0, 'it goes on by monotonic time');
    t.match(home.clock.standing(), { proven: true, leapMs });
    t.same(home.leaps, [{ byMs: leapMs, followed: false }], 'told once');
    // The chain says nothing all night.
    home.pass(12 * HOUR_MS);
    t.match(home.clock.standing(), { proven: true, leapMs });
    home.offMs = 0;
    home.pass(1_000);
    t.equal(home.errorMs(), 0);
    t.match(home.clock.standing(), { proven: true, leapMs: 0, setByMs: 0 });
  }
});

t.test('a start with a wrong clock proves nothing, and ends when it is set right', async (t) => {
  for (const offMs of [HOUR_MS, -HOUR_MS, 3 * YEAR_MS]) {
    const home = computer(offMs);
    home.block(HOUR_MS / 2);
    t.equal(home.clock.standing().proven, false);
    home.pass(60_000);
    home.block();
    t.match(home.clock.standing(), { proven: false, aheadOfChainMs: offMs + 100 });
    home.offMs = 0;
    home.pass(1_000);
    t.equal(home.errorMs(), 0, 'it goes back, or forth, to what the chain bears out');
    t.match(home.clock.standing(), { proven: true, setByMs: -offMs });
    t.same(home.leaps, [{ byMs: -offMs, followed: true }]);
  }
});

t.test('a right clock is proven by the first block, after a night without any', async (t) => {
  const home = computer();
  home.block(12 * HOUR_MS);
  t.match(home.clock.standing(), { proven: false, leapMs: 0 });
  home.block();
  t.match(home.clock.standing(), { proven: true, setByMs: 0 });
  home.block(8 * HOUR_MS);
  t.ok(home.clock.standing().proven, 'an old block, or one of a slow proposer, takes nothing back');
});

t.test('a computer that slept, or started without the time, finds it', async (t) => {
  const home = computer();
  home.block();
  // Monotonic time stands still meanwhile: to this process the clock leaps.
  home.offMs = 8 * HOUR_MS;
  home.pass(1_000);
  home.clock.heard(NOON_MS + 8 * HOUR_MS, false);
  t.equal(home.errorMs(), 8 * HOUR_MS);
  t.match(home.leaps, [{ followed: false }, { followed: true }]);

  const epoch = computer(-NOON_MS);
  epoch.block(HOUR_MS);
  epoch.offMs = 0;
  epoch.pass(1_000);
  t.equal(epoch.errorMs(), 0, 'what the chain shows to be wrong is given up for what it does not');
  t.equal(epoch.clock.standing().proven, false);
});

t.test('who decides alone has only the computer’s clock, and goes by it', async (t) => {
  const home = computer();
  home.block(HOUR_MS, true);
  t.ok(home.clock.standing().proven);
  home.offMs = HOUR_MS;
  home.pass(1_000);
  t.equal(home.errorMs(), HOUR_MS);
});

t.test('small steps are followed, and never back', async (t) => {
  const home = computer();
  home.block();
  home.offMs = 5_000;
  home.pass(1_000);
  t.equal(home.errorMs(), 5_000);
  const toldMs = home.clock.utcMs();
  home.offMs = 0;
  t.equal(home.clock.utcMs(), toldMs);
  home.pass(10_000);
  t.equal(home.errorMs(), 0);
  await home.clock.waitUntil(home.clock.utcMs(), new AbortController().signal);
});

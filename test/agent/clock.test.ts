import t from 'tap';
import { hearTime } from '../../agent/clock/hear.ts';
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
    /** One each two seconds, as it is made, by these in turn, for so long; the times told may be older than that. */
    live: (proposers: string, forMs: number, agoMs: (proposer: string) => number = () => 100) => {
      for (let madeMs = 0; madeMs <= forMs; madeMs += 2_000) {
        const proposer = proposers[(madeMs / 2_000) % proposers.length]!;
        self.clock.heard(trueMs - agoMs(proposer), false, { proposer, liarsMax: 1 });
        self.pass(2_000);
      }
    },
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

t.test('blocks as they are made, by more than may lie, disprove a clock that is ahead', async (t) => {
  for (const offMs of [480_000, 3 * YEAR_MS]) {
    const home = computer(offMs);
    home.live('abcd', 18_000);
    t.match(home.clock.standing(), { proven: false, disproven: false }, 'not within twice the tolerance');
    home.live('abcd', 2_000);
    t.match(home.clock.standing(), { proven: false, disproven: true });
    home.pass(12 * HOUR_MS);
    t.equal(home.clock.standing().disproven, true, 'silence takes nothing back');
    home.offMs = 0;
    home.pass(1_000);
    t.match(home.clock.standing(), { proven: true, disproven: false, setByMs: -offMs });
  }
});

t.test('a clock that is behind is disproven by any block', async (t) => {
  const home = computer(-480_000);
  t.equal(home.clock.standing().disproven, false);
  home.block();
  t.match(home.clock.standing(), { proven: false, disproven: true });
  home.offMs = 0;
  home.pass(1_000);
  t.match(home.clock.standing(), { proven: true, disproven: false });
});

t.test('a right clock is not disproven', async (t) => {
  await t.test('by silence, nor by what is caught up with', async (t) => {
    const home = computer();
    for (let agoMs = 12 * HOUR_MS; agoMs > HOUR_MS; agoMs -= 60_000) {
      home.block(agoMs);
      home.pass(1_000);
    }
    home.pass(HOUR_MS);
    t.match(home.clock.standing(), { proven: false, disproven: false });
  });

  await t.test('by those that may lie, alone or beside others', async (t) => {
    const home = computer();
    home.live('a', 600_000, () => 480_000);
    t.match(home.clock.standing(), { proven: false, disproven: false }, 'however often one says it');
    home.live('abcd', 60_000, (proposer) => (proposer === 'a' ? 480_000 : 100));
    t.match(home.clock.standing(), { proven: true, disproven: false });
  });

  await t.test('by old blocks that come all at once after an absence', async (t) => {
    const home = computer();
    const burst = (fromMs: number) => {
      for (let agoMs = fromMs; agoMs > fromMs - 120_000; agoMs -= 2_000) {
        const proposer = 'abcd'[(agoMs / 2_000) % 4]!;
        home.clock.heard(home.clock.utcMs() - agoMs, false, { proposer, liarsMax: 1 });
      }
    };
    burst(600_000);
    home.pass(60_000);
    t.equal(home.clock.standing().disproven, false);
    burst(480_000);
    t.equal(home.clock.standing().disproven, false, 'two such do not agree');
  });

  await t.test('by old blocks that come one by one, faster than they were made', async (t) => {
    const home = computer();
    for (let agoMs = 600_000; agoMs > 60_000; agoMs -= 2_000) {
      const proposer = 'abcd'[(agoMs / 2_000) % 4]!;
      home.clock.heard(home.clock.utcMs() - agoMs, false, { proposer, liarsMax: 1 });
      home.pass(1_000);
      t.equal(home.clock.standing().disproven, false);
    }
  });

  await t.test('by proposers that do not agree', async (t) => {
    const home = computer();
    home.live('ab', 600_000, (proposer) => (proposer === 'a' ? 480_000 : 240_000));
    t.match(home.clock.standing(), { proven: false, disproven: false });
  });
});

t.test('newer blocks take back what older ones disproved', async (t) => {
  const home = computer();
  // A broker that holds all back: from here nobody can tell it from a wrong clock.
  home.live('abcd', 60_000, () => 480_000);
  t.equal(home.clock.standing().disproven, true);
  home.block();
  t.match(home.clock.standing(), { proven: true, disproven: false });

  const half = computer();
  half.live('abcd', 60_000, () => 480_000);
  half.block(240_000);
  t.match(half.clock.standing(), { proven: false, disproven: false }, 'their witness is no longer agreed');
});

t.test('who decides alone disproves nothing', async (t) => {
  const home = computer();
  for (let block = 0; block < 60; block += 1) {
    home.block(HOUR_MS, true);
    home.pass(2_000);
  }
  t.equal(home.clock.standing().disproven, false);
});

t.test('a witness is who proposed a new block, but not the node itself', async (t) => {
  const heard = (proposer: string, isNew: boolean, members: string[]) => {
    const told: unknown[][] = [];
    const head = {
      header: { timeMs: NOON_MS, proposer },
      validators: members.map((address) => ({ address })),
    } as unknown as Parameters<typeof hearTime>[1];
    hearTime({ heard: (...words) => told.push(words) }, head, { self: 'a', isNew });
    return told[0];
  };
  const seven = [...'abcdefg'];
  t.same(heard('b', true, seven), [NOON_MS, false, { proposer: 'b', liarsMax: 2 }]);
  t.same(heard('b', true, ['b']), [NOON_MS, false, { proposer: 'b', liarsMax: 0 }]);
  t.same(heard('a', true, seven), [NOON_MS, false, undefined]);
  t.same(heard('b', false, seven), [NOON_MS, false, undefined]);
  t.same(heard('a', true, ['a']), [NOON_MS, true, undefined]);
});

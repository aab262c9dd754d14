import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { solveConvex } from '../../optimizer/forecast/convex.ts';
import {
  emptyRegression,
  solvePositiveDefinite,
  solveRidge,
  withSample,
} from '../../optimizer/forecast/ridge.ts';
import { clearSkyKwPerM2, sineOfElevation } from '../../optimizer/forecast/sun.ts';
import {
  createForecaster,
  type Forecaster,
  forecastSlots,
  type ObservedSlot,
  observeSlot,
  profileForecast,
  restoreForecaster,
  walkForward,
} from '../../optimizer/index.ts';
import { DAY, HOUR, household, MONDAY, seeded } from './histories.ts';

const zurich = { latitudeDeg: 47.4, longitudeDeg: 8.5 };

const learnt = (slots: readonly ObservedSlot[], from = createForecaster({ slotMs: HOUR })): Forecaster =>
  slots.reduce(observeSlot, from);

const tomorrow = (forecaster: Forecaster, utcOffsetMs = 0, days = 1) => {
  const { slotMs, newestMs } = forecaster;
  const slots = (days * DAY) / slotMs;
  return forecastSlots(forecaster, { fromMs: newestMs! + slotMs, slots, utcOffsetMs });
};

const rms = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

t.test('the sun', async (t) => {
  const degrees = (sine: number) => (Math.asin(sine) * 180) / Math.PI;

  await t.test('stands where others compute it', async (t) => {
    // The worked example of NREL's Solar Position Algorithm (Reda & Andreas, NREL/TP-560-34302): zenith 50.11162.
    const golden = { latitudeDeg: 39.742476, longitudeDeg: -105.1786 };
    t.ok(Math.abs(degrees(sineOfElevation(Date.UTC(2003, 9, 17, 19, 30, 30), golden)) - 39.888) < 0.3);
    // Overhead at noon of the solstice on the tropic; the equation of time is 2 minutes then.
    const tropic = { latitudeDeg: 23.44, longitudeDeg: 0 };
    t.ok(degrees(sineOfElevation(Date.UTC(2026, 5, 21, 12, 2), tropic)) > 89.4);
    t.ok(Math.abs(degrees(sineOfElevation(Date.UTC(2026, 11, 21, 11, 58), tropic)) - 43.1) < 0.3);
    for (const year of [1970, 1999, 2026, 2099]) {
      const noon = Date.UTC(year, 2, 20, 12, 7);
      t.ok(Math.abs(degrees(sineOfElevation(noon, { latitudeDeg: 0, longitudeDeg: 0 })) - 90) < 1, `${year}`);
    }
  });

  await t.test('shines by Haurwitz', async (t) => {
    const noon = Date.UTC(2026, 5, 21, 11, 32);
    const sine = sineOfElevation(noon, { latitudeDeg: 47, longitudeDeg: 8 });
    const expected = 1.098 * sine * Math.exp(-0.057 / sine);
    t.ok(
      Math.abs(clearSkyKwPerM2(noon - 60_000, 120_000, { latitudeDeg: 47, longitudeDeg: 8 }) - expected) <
        1e-4,
    );
    t.equal(
      clearSkyKwPerM2(Date.UTC(2026, 0, 1), HOUR, { latitudeDeg: 47, longitudeDeg: 8 }),
      0,
      'not at night',
    );
    t.equal(clearSkyKwPerM2(Date.UTC(2026, 5, 21, 12), HOUR, { latitudeDeg: -89, longitudeDeg: 8 }), 0);
  });
});

t.test('least squares', async (t) => {
  const size = 4;
  const numbers = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: size, maxLength: size });
  const samples = fc.array(fc.tuple(numbers, fc.double({ min: -3, max: 3, noNaN: true })), {
    minLength: 1,
    maxLength: 30,
  });
  const regressionOf = (from: readonly (readonly [readonly number[], number])[]) =>
    from.reduce(
      (regression, [inputs, output]) => withSample(regression, { inputs, output, weight: 1, keep: 1 }),
      emptyRegression(size),
    );
  const lossOf =
    (from: readonly (readonly [readonly number[], number])[], about: readonly number[], shrinkage: number) =>
    (weights: readonly number[]) =>
      from.reduce((sum, [x, y]) => sum + (y - x.reduce((s, v, k) => s + v * weights[k]!, 0)) ** 2, 0) +
      shrinkage * weights.reduce((sum, weight, k) => sum + (weight - about[k]!) ** 2, 0);

  await t.test('ridge: nothing near the answer is better, and nothing learnt is the prior', async () => {
    fc.assert(
      fc.property(samples, numbers, numbers, (from, prior, step) => {
        const loss = lossOf(from, prior, 0.5);
        const best = solveRidge(regressionOf(from), { prior, shrinkage: 0.5 });
        return loss(best) <= loss(best.map((weight, k) => weight + 0.01 * step[k]!)) + 1e-9;
      }),
    );
    t.same(solveRidge(emptyRegression(size), { prior: [1, 2, 3, 4], shrinkage: 1 }), [1, 2, 3, 4]);
  });

  await t.test('older samples fade', async (t) => {
    let regression = emptyRegression(1);
    for (let k = 0; k < 60; k += 1) {
      const output = k < 30 ? 1 : 3;
      regression = withSample(regression, { inputs: [1], output, weight: 1, keep: 0.7 });
    }
    t.ok(Math.abs(solveRidge(regression, { prior: [0], shrinkage: 1e-9 })[0]! - 3) < 1e-3);
  });

  await t.test('convex: on the simplex, and no point of it is better', async () => {
    fc.assert(
      fc.property(
        samples,
        fc.array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 }),
        (from, raw) => {
          const equal = new Array(size).fill(1 / size);
          const loss = lossOf(from, equal, 0.01);
          const best = solveConvex(regressionOf(from), 0.01);
          const sum = raw.reduce((a, b) => a + b, 0);
          const corner = raw.map((_, k) => (k === from.length % size ? 1 : 0));
          const isOn = best.every((w) => w >= 0) && Math.abs(best.reduce((a, b) => a + b, 0) - 1) < 1e-9;
          return isOn && loss(best) <= Math.min(loss(raw.map((w) => w / sum)), loss(corner)) + 1e-9;
        },
      ),
    );
  });

  await t.test('what is not positive definite is not solved', async (t) => {
    t.equal(solvePositiveDefinite([1, 2, 1], [1, 1]), undefined);
    t.equal(solvePositiveDefinite([0], [1]), undefined);
    t.equal(solvePositiveDefinite([Number.NaN], [1]), undefined);
    t.equal(solvePositiveDefinite([1, 1, 1 + 2e-15], [1, 0]), undefined, 'nor what is only rounding error');
    t.same(solvePositiveDefinite([4, 2, 2], [8, 6]), [1, 2]);
    const damaged = { normal: [-5], moment: [1] };
    t.same(solveRidge(damaged, { prior: [3], shrinkage: 1 }), [3], 'damage leaves the prior');
  });
});

t.test('what a forecaster learns', async (t) => {
  await t.test('load and generation, far better than the day before', async (t) => {
    for (const seed of [1, 2, 3]) {
      const walk = walkForward(household({ seed, days: 100 }), {
        slotMs: HOUR,

        warmUpDays: 60,
        location: { latitudeDeg: 47.4, longitudeDeg: -3 },
      })!;
      t.equal(walk.days, 40);
      t.ok(walk.load.skillRmse > 0.2, `load ${walk.load.skillRmse}`);
      t.ok(walk.pv.skillRmse > 0.08, `PV ${walk.pv.skillRmse}`);
      t.ok(walk.load.mae <= walk.load.rmse && walk.pv.mae <= walk.pv.rmse);
    }
  });

  await t.test('a week: on a weekend other things are usual', async (t) => {
    const until = household({ seed: 5, days: 40, weekendFactor: 2.5 });
    const total = (days: number) =>
      tomorrow(learnt(until.slice(0, days * 24))).loadKw!.reduce((sum, kw) => sum + kw, 0);
    t.ok(total(40) > 1.6 * total(39 - 2), 'day 40 is a Saturday, day 37 a Wednesday');
  });

  await t.test('people live by their clock, the sun does not', async (t) => {
    const summer = learnt(
      household({ seed: 6, days: 30, utcOffsetMs: HOUR }),
      createForecaster({ slotMs: HOUR, location: zurich }),
    );
    const before = tomorrow(summer, HOUR);
    const after = tomorrow(summer, 2 * HOUR);
    const peak = (series: Float64Array) => series.indexOf(Math.max(...series));
    t.equal(peak(after.loadKw!), peak(before.loadKw!) - 1, 'dinner comes an hour earlier by UTC');
    t.equal(peak(after.pvKw!), peak(before.pvKw!), 'noon does not');
  });

  await t.test('the size of an array, whatever its forecast place', async (t) => {
    for (const location of [undefined, zurich, { latitudeDeg: -30, longitudeDeg: 150 }]) {
      const slots = household({ seed: 7, days: 30 });
      const forecaster = learnt(slots, createForecaster({ slotMs: HOUR, ...(location && { location }) }));
      const { pvKw } = tomorrow(forecaster);
      const peak = Math.max(...slots.map((slot) => slot.pvKw!));
      t.ok(
        pvKw!.every((kw) => kw >= 0 && kw <= peak),
        'never more than was ever seen',
      );
      t.ok(Math.max(...pvKw!) > 0.3 * peak);
      t.ok(
        pvKw!.slice(0, 5).every((kw) => kw === 0),
        'the night stays dark',
      );
    }
  });

  await t.test('one wild reading does not raise the sun', async (t) => {
    const slots = household({ seed: 8, days: 30 });
    const wild = slots.map((slot, k) => (k === 20 * 24 + 12 ? { ...slot, pvKw: 1_000 } : slot));
    const [calm, shaken] = [tomorrow(learnt(slots)).pvKw!, tomorrow(learnt(wild)).pvKw!];
    t.ok(
      shaken.every((kw, k) => kw < calm[k]! * 2 + 0.5),
      'ten days later',
    );
  });

  await t.test('a new home at once, from its first slot', async (t) => {
    const [first] = household({ seed: 9, days: 1 });
    t.same(
      forecastSlots(createForecaster({ slotMs: HOUR }), { fromMs: MONDAY, slots: 3, utcOffsetMs: 0 }),
      {},
    );
    const { loadKw, pvKw, outdoorC } = tomorrow(learnt([first!]));
    t.ok(loadKw!.every((kw) => Math.abs(kw - first!.loadKw!) < 1e-6));
    t.ok(pvKw!.every((kw) => kw === 0));
    t.ok(outdoorC!.every((c) => Math.abs(c - first!.outdoorC!) < 0.01));
    const { startMs, utcOffsetMs } = first!;
    t.same(Object.keys(tomorrow(learnt([{ startMs, utcOffsetMs, loadKw: 1 }]))), ['loadKw']);
  });

  await t.test('the newest readings correct what is left of the day', async (t) => {
    const slots = household({ seed: 10, days: 90 });
    const errors = { atMidnight: [] as number[], anew: [] as number[] };
    let forecaster = createForecaster({ slotMs: HOUR });
    for (const [k, slot] of slots.entries()) {
      if (k > 30 * 24 && k % 24 === 0) {
        const day = tomorrow(forecaster).loadKw!;
        for (const hour of [6, 10, 14, 18]) {
          const seen = learnt(slots.slice(k, k + hour), forecaster);
          const anew = tomorrow(seen).loadKw!;
          for (const lead of [0, 1]) {
            const { loadKw } = slots[k + hour + lead]!;
            errors.atMidnight.push(loadKw! - day[hour + lead]!);
            errors.anew.push(loadKw! - anew[lead]!);
          }
        }
      }
      forecaster = observeSlot(forecaster, slot);
    }
    t.ok(rms(errors.anew) < 0.85 * rms(errors.atMidnight), `${rms(errors.anew)} ${rms(errors.atMidnight)}`);
  });

  await t.test('and fade while nothing is seen', async (t) => {
    const slots = household({ seed: 12, days: 60 });
    const ready = learnt(slots);
    const evening = (kw: number) =>
      [1, 2, 3].reduce(
        (seen, hour) =>
          observeSlot(seen, { startMs: ready.newestMs! + hour * HOUR, utcOffsetMs: 0, loadKw: kw }),
        ready,
      );
    const raisedBy = (later: number) => {
      const at = { startMs: ready.newestMs! + later * HOUR, utcOffsetMs: 0, loadKw: 1 };
      const [high, low] = [6, 1].map((kw) => observeSlot(evening(kw), at).load.correction.recent[1]!);
      return high! - low!;
    };
    t.ok(raisedBy(4) > 0.5 && raisedBy(12) < 0.5 * raisedBy(4) && raisedBy(76) < 0.001);
  });

  await t.test('the warmth of the day: as yesterday, and as it turned out so far', async (t) => {
    const slots = household({ seed: 11, days: 30 });
    const warm = slots.map((slot, k) => (k < 29 * 24 ? slot : { ...slot, outdoorC: slot.outdoorC! + 6 }));
    const noon = 29 * 24 + 12;
    const { outdoorC } = tomorrow(learnt(warm.slice(0, noon)));
    const usual = tomorrow(learnt(slots.slice(0, noon))).outdoorC!;
    t.ok(outdoorC![0]! > usual[0]! + 2, 'noticed');
    t.ok(usual.every((c) => c > 0 && c < 25));
  });
});

t.test('what a forecaster is', async (t) => {
  await t.test('blind to what comes', async () => {
    const before = household({ seed: 20, days: 24 });
    const ready = learnt(before);
    const options = { slotMs: HOUR, warmUpDays: 20 };
    const told = walkForward(before, options)!;
    const kw = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { minLength: 24, maxLength: 24 });
    fc.assert(
      fc.property(kw, kw, (loadKw, pvKw) => {
        const day = loadKw.map((load, k): ObservedSlot => {
          return { startMs: MONDAY + 24 * DAY + k * HOUR, utcOffsetMs: 0, loadKw: load, pvKw: pvKw[k]! };
        });
        // The last day's share of the mean error must come from a forecast that knows the days before alone.
        const walk = walkForward([...before, ...day], options)!;
        const forecast = tomorrow(ready);
        const sum = (errors: number[]) => errors.reduce((all, error) => all + Math.abs(error), 0);
        const load = sum(loadKw.map((load, k) => load - forecast.loadKw![k]!));
        const pv = sum(pvKw.map((pv, k) => pv - forecast.pvKw![k]!));
        const isBlind = (all: number, told: number, last: number) =>
          Math.abs(all * 5 - told * 4 - last / 24) < 1e-9;
        return isBlind(walk.load.mae, told.load.mae, load) && isBlind(walk.pv.mae, told.pv.mae, pv);
      }),
      { numRuns: 20 },
    );
  });

  await t.test('judged against the same slots of the day before', async (t) => {
    const slots = household({ seed: 23, days: 12 });
    const walk = walkForward(slots, { slotMs: HOUR, warmUpDays: 9 })!;
    for (const [of, field] of [
      ['load', 'loadKw'],
      ['pv', 'pvKw'],
    ] as const) {
      const off = slots.slice(9 * 24).map((slot, k) => slot[field]! - slots[8 * 24 + k]![field]!);
      const { mae, rmse, skillMae, skillRmse } = walk[of];
      const meanOff = off.reduce((sum, error) => sum + Math.abs(error), 0) / off.length;
      t.ok(Math.abs(skillMae - (1 - mae / meanOff)) < 1e-12, of);
      t.ok(Math.abs(skillRmse - (1 - rmse / rms(off))) < 1e-12, of);
    }
    const placed = walkForward(slots, { slotMs: HOUR, warmUpDays: 9, location: zurich })!;
    t.same(placed.load, walk.load);
    t.not(placed.pv.rmse, walk.pv.rmse, 'the sun is looked for where it was said to be');
    const untold = slots.map(({ pvKw: _, ...slot }) => slot);
    t.equal(walkForward(untold, { slotMs: HOUR, warmUpDays: 9 }), undefined, 'both are judged, or none');
    const dark = slots.map((slot) => ({ ...slot, pvKw: 0 }));
    const { pv } = walkForward(dark, { slotMs: HOUR, warmUpDays: 9 })!;
    t.same(pv, { mae: 0, rmse: 0, skillMae: 0, skillRmse: 0 }, 'nothing to be better than');
  });

  await t.test('judged slot by slot, also on a day that was not seen from its midnight on', async (t) => {
    const alike = Array.from({ length: 20 * 24 }, (_, k): ObservedSlot => {
      const hour = k % 24;
      return { startMs: MONDAY + k * HOUR, utcOffsetMs: 0, loadKw: 1 + hour / 10, pvKw: hour === 12 ? 3 : 0 };
    });
    const late = alike.filter(({ startMs }, k) => k < 15 * 24 || (startMs / HOUR) % 24 >= 5);
    const walk = walkForward(late, { slotMs: HOUR, warmUpDays: 16 })!;
    t.equal(walk.days, 4);
    t.ok(walk.load.mae < 0.05 && walk.pv.mae < 0.05, `${walk.load.mae}, ${walk.pv.mae}`);
  });

  await t.test('judged on whole days, be they of 25 hours', async (t) => {
    const slots = household({ seed: 26, days: 12 });
    const options = { slotMs: HOUR, warmUpDays: 9 };
    t.equal(walkForward(slots.slice(6), options)!.days, 2, 'the first midnight comes later');
    t.equal(walkForward(slots.slice(24), options)!.days, 2);
    // From noon of the last day on, clocks are an hour back: its last hour is the 25th.
    const back = slots.map((slot, k) => (k < 11 * 24 + 12 ? slot : { ...slot, utcOffsetMs: -HOUR }));
    const last = { ...back.at(-1)!, startMs: MONDAY + 12 * DAY };
    const mae = (loadKw: number) => walkForward([...back, { ...last, loadKw }], options)!.load.mae;
    t.ok(Math.abs(mae(90) - mae(40) - 50 / 73) < 1e-9, 'and is judged');
  });

  await t.test('of one mind about a slot, from wherever it is asked', async () => {
    const ready = learnt(
      household({ seed: 24, days: 20 }),
      createForecaster({ slotMs: HOUR, location: zurich }),
    );
    const firstMs = ready.newestMs! + HOUR;
    const all = forecastSlots(ready, { fromMs: firstMs, slots: 96, utcOffsetMs: 0 });
    fc.assert(
      fc.property(fc.nat(71), fc.integer({ min: 1, max: 24 }), (skipped, slots) => {
        const part = forecastSlots(ready, { fromMs: firstMs + skipped * HOUR, slots, utcOffsetMs: 0 });
        return (['loadKw', 'pvKw', 'outdoorC'] as const).every((of) =>
          part[of]!.every((value, k) => value === all[of]![skipped + k]),
        );
      }),
    );
  });

  await t.test('of good memory for what it did not see', async (t) => {
    const [first] = household({ seed: 25, days: 1 });
    const { diary } = [0, 3 * DAY].reduce(
      (seen, gap) => observeSlot(seen, { ...first!, startMs: first!.startMs + gap }),
      createForecaster({ slotMs: HOUR }),
    ).load;
    t.same(
      diary.pages.map((page) => page[0] !== null),
      [true, false, false, true, false, false, false, false],
    );
  });

  await t.test('a value: never changed, the same after JSON, small', async (t) => {
    const deepFreeze = <T>(value: T): T => {
      if (typeof value === 'object' && value !== null)
        Object.values(Object.freeze(value)).forEach(deepFreeze);
      return value;
    };
    for (const [slotMs, bytesMax] of [
      [HOUR, 9_000],
      [HOUR / 4, 25_000],
      [HOUR / 12, 70_000],
    ] as const) {
      const slots = household({ seed: 21, days: 20, slotMs });
      const cut = slots.length - DAY / slotMs - 5;
      const whole = deepFreeze(learnt(slots.slice(0, cut), createForecaster({ slotMs, location: zurich })));
      const text = JSON.stringify(whole);
      t.ok(text.length < bytesMax, `${slotMs / 60_000} min: ${text.length} bytes`);
      const restored = restoreForecaster(JSON.parse(text));
      t.same(restored, whole);
      t.same(tomorrow(learnt(slots.slice(cut), restored)), tomorrow(learnt(slots.slice(cut), whole)));
    }
  });

  await t.test('tolerant of gaps, whatever was missed', async () => {
    const slots = household({ seed: 22, days: 30, slotMs: HOUR / 4 });
    const gap = fc.tuple(fc.nat(slots.length - 1), fc.integer({ min: 1, max: 12 * 96 }));
    fc.assert(
      fc.property(
        fc.array(gap, { maxLength: 5 }),
        fc.nat(2),
        fc.integer({ min: 1, max: 8 * 96 }),
        (gaps, less, ahead) => {
          const left = slots.flatMap((slot, k) => {
            if (gaps.some(([from, length]) => k >= from && k < from + length)) return [];
            const { startMs, utcOffsetMs, loadKw, pvKw, outdoorC } = slot;
            const parts = [{ loadKw: loadKw! }, { pvKw: pvKw! }, { outdoorC: outdoorC! }];
            return k % 7 === 0 ? [{ startMs, utcOffsetMs, ...parts[less] }] : [slot];
          });
          const forecaster = learnt(left, createForecaster({ slotMs: HOUR / 4 }));
          if (forecaster.newestMs === null) return true;
          const fromMs = forecaster.newestMs + (1 + ahead) * (HOUR / 4);
          const forecast = forecastSlots(forecaster, { fromMs, slots: 96, utcOffsetMs: 0 });
          restoreForecaster(JSON.parse(JSON.stringify(forecaster)));
          const { loadKw = [], pvKw = [], outdoorC = [] } = forecast;
          return (
            [...loadKw].every((kw) => kw >= 0 && kw < 20) &&
            [...pvKw].every((kw) => kw >= 0 && kw <= 4) &&
            [...outdoorC].every((c) => c > -30 && c < 50)
          );
        },
      ),
      { numRuns: 15 },
    );
  });

  await t.test('the same as when it was frozen', async (t) => {
    const { cases } = JSON.parse(
      readFileSync(new URL('../../../test/vectors/forecast.json', import.meta.url), 'utf8'),
    );
    for (const { household: made, location, days, load, pv, outdoor } of cases) {
      const slots = household(made);
      const { slotMs, utcOffsetMs } = made;
      const ready = learnt(slots, createForecaster({ slotMs, ...(location && { location }) }));
      const { loadKw, pvKw, outdoorC } = tomorrow(ready, utcOffsetMs, days);
      const close = (series: Float64Array, frozen: number[]) =>
        series.length === frozen.length && series.every((value, k) => Math.abs(value - frozen[k]!) < 2e-6);
      t.ok(close(loadKw!, load) && close(pvKw!, pv) && close(outdoorC!, outdoor), `seed ${made.seed}`);
    }
  });
});

t.test('what is refused', async (t) => {
  const ready = learnt(
    household({ seed: 30, days: 16 }),
    createForecaster({ slotMs: HOUR, location: zurich }),
  );
  const next: ObservedSlot = { startMs: ready.newestMs! + HOUR, utcOffsetMs: 0 };

  await t.test('slots, places and values that cannot be', async (t) => {
    const outOfRange = { code: 'OPTIMIZER_OUT_OF_RANGE' };
    for (const slotMs of [0, 1, 59_999, HOUR + 1, 7 * HOUR, 2 * DAY, -HOUR, Number.NaN, Infinity]) {
      t.throws(() => createForecaster({ slotMs }), outOfRange, `${slotMs}`);
    }
    t.throws(
      () => createForecaster({ slotMs: HOUR, location: { latitudeDeg: 91, longitudeDeg: 0 } }),
      outOfRange,
    );
    t.throws(
      () => createForecaster({ slotMs: HOUR, location: { latitudeDeg: 0, longitudeDeg: -181 } }),
      outOfRange,
    );
    for (const bad of [
      { startMs: ready.newestMs! },
      { startMs: ready.newestMs! - HOUR },
      { startMs: ready.newestMs! + HOUR / 2 },
      { startMs: 0.5 },
      { utcOffsetMs: 2 * DAY },
      { loadKw: -0.1 },
      { loadKw: 1e6 },
      { pvKw: -1 },
      { outdoorC: 1_000 },
    ]) {
      t.throws(() => observeSlot(ready, { ...next, ...bad }), outOfRange, JSON.stringify(bad));
    }
    for (const field of ['loadKw', 'pvKw', 'outdoorC', 'utcOffsetMs']) {
      t.throws(() => observeSlot(ready, { ...next, [field]: Number.NaN }), { code: 'OPTIMIZER_NOT_FINITE' });
    }
    const request = { fromMs: next.startMs, slots: 24, utcOffsetMs: 0 };
    for (const bad of [{ fromMs: ready.newestMs! }, { slots: 0 }, { slots: 1.5 }, { slots: 8 * 24 + 1 }]) {
      t.throws(() => forecastSlots(ready, { ...request, ...bad }), outOfRange, JSON.stringify(bad));
    }
  });

  await t.test('a damaged state, field by field', async (t) => {
    const refused = (state: unknown) => {
      try {
        restoreForecaster(state);
        return false;
      } catch (error) {
        return (error as { code?: string }).code === 'OPTIMIZER_BAD_STATE';
      }
    };
    const text = JSON.stringify(ready);
    type Tree = Record<string, unknown>;
    const paths: string[][] = [];
    const walk = (node: unknown, path: string[]) => {
      if (path.length > 0) paths.push(path);
      if (typeof node !== 'object' || node === null) return;
      // The first and last of a list stand for all between.
      const keys = Array.isArray(node) ? [...new Set(['0', String(node.length - 1)])] : Object.keys(node);
      for (const key of keys) walk((node as Tree)[key], [...path, key]);
    };
    walk(JSON.parse(text), []);
    for (const path of paths) {
      for (const garbage of ['x', 1e300, Number.NaN, [], {}, true]) {
        const state = JSON.parse(text);
        const parent = path.slice(0, -1).reduce((node: Tree, key) => node[key] as Tree, state);
        if (
          Array.isArray(parent[path.at(-1)!]) &&
          Array.isArray(garbage) &&
          (parent[path.at(-1)!] as []).length === 0
        )
          continue;
        parent[path.at(-1)!] = garbage;
        if (!refused(state)) t.fail(`${path.join('.')} = ${JSON.stringify(garbage)} was taken`);
      }
      const state = JSON.parse(text);
      const parent = path.slice(0, -1).reduce((node: Tree, key) => node[key] as Tree, state);
      if (!Array.isArray(parent)) {
        delete parent[path.at(-1)!];
        if (!refused(state)) t.fail(`without ${path.join('.')} it was taken`);
      }
    }
    t.ok(refused({ ...JSON.parse(text), stranger: 1 }));
    t.ok(refused({ ...JSON.parse(text), version: 2 }));
    fc.assert(fc.property(fc.anything(), refused));
    t.same(restoreForecaster(JSON.parse(text)), ready);
  });

  await t.test('a history that leaves nothing to judge', async (t) => {
    const options = { slotMs: HOUR, warmUpDays: 20 };
    t.equal(walkForward([], options), undefined);
    t.equal(walkForward(household({ seed: 31, days: 20 }), options), undefined);
    t.equal(walkForward(household({ seed: 31, days: 21 }), options)!.days, 1);
  });
});

t.test('histories are what they are on every machine', async (t) => {
  const random = seeded(1);
  t.same([random(), random()], [0.6270739405881613, 0.002735721180215478]);
});

t.test('a profile with a stated error', async (t) => {
  const trueKw = Array.from({ length: 5000 }, (_, k) => (k % 2 === 0 ? 2 : 0));
  const forecast = profileForecast({ trueKw, relativeError: 0.1, seed: 4 });
  const errors = [...forecast].filter((_, k) => k % 2 === 0).map((kw) => kw / 2 - 1);
  const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
  const deviation = Math.sqrt(errors.reduce((sum, error) => sum + (error - mean) ** 2, 0) / errors.length);
  t.ok(Math.abs(mean) < 0.01, `no bias: ${mean}`);
  t.ok(Math.abs(deviation - 0.1) < 0.01, `as wide as stated: ${deviation}`);
  t.ok(
    forecast.every((kw, k) => k % 2 === 0 || kw === 0),
    'the night stays dark',
  );
  t.same(profileForecast({ trueKw, relativeError: 0, seed: 9 }), Float64Array.from(trueKw));
  fc.assert(
    fc.property(fc.integer(), fc.double({ min: 0, max: 3, noNaN: true }), (seed, relativeError) => {
      const once = profileForecast({ trueKw: [1, 2, 3], relativeError, seed });
      const again = profileForecast({ trueKw: [1, 2, 3], relativeError, seed });
      return once.every((kw, k) => kw === again[k] && kw >= 0);
    }),
  );
});

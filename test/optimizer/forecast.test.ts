import fc from 'fast-check';
import t from 'tap';
import { emptyHistory, observeSlot, persistenceForecast, profileForecast } from '../../optimizer/index.ts';

t.test('persistence', async (t) => {
  const observation = (loadKw: number, pvKw = 0, outdoorC = 10) => ({ loadKw, pvKw, outdoorC });

  await t.test('knows nothing of nothing', async (t) => {
    t.equal(persistenceForecast(emptyHistory({ slotsPerDay: 4 }), { fromSlot: 0, slots: 4 }), undefined);
  });

  await t.test('expects what this time of day brought, newest days first', async (t) => {
    let history = emptyHistory({ slotsPerDay: 4, newestDayWeight: 0.5 });
    [1, 2, 3, 4, 5, 2].forEach((loadKw, slot) => {
      history = observeSlot(history, slot, observation(loadKw, slot));
    });
    const forecast = persistenceForecast(history, { fromSlot: 6, slots: 5 });
    t.same([...forecast!.loadKw], [3, 4, 3, 2, 3]);
    t.same([...forecast!.pvKw], [2, 3, 2, 3, 2]);
    const yesterday = emptyHistory({ slotsPerDay: 2, newestDayWeight: 1 });
    const seen = [7, 8, 9].reduce(
      (known, loadKw, slot) => observeSlot(known, slot, observation(loadKw)),
      yesterday,
    );
    t.same([...persistenceForecast(seen, { fromSlot: 3, slots: 2 })!.loadKw], [8, 9]);
    t.equal(yesterday.latest, undefined, 'a history is never changed in place');
  });

  await t.test('bridges gaps with the latest load and temperature, and no sun', async (t) => {
    const history = observeSlot(emptyHistory({ slotsPerDay: 4 }), 9, observation(2, 3, 15));
    const forecast = persistenceForecast(history, { fromSlot: 10, slots: 4 })!;
    t.same([...forecast.loadKw], [2, 2, 2, 2]);
    t.same([...forecast.pvKw], [0, 0, 0, 3]);
    t.same([...forecast.outdoorC], [15, 15, 15, 15]);
  });

  await t.test('refuses what makes no sense', async (t) => {
    const history = observeSlot(emptyHistory({ slotsPerDay: 4 }), 5, observation(1));
    t.throws(() => emptyHistory({ slotsPerDay: 0 }), { code: 'OPTIMIZER_OUT_OF_RANGE' });
    t.throws(() => emptyHistory({ slotsPerDay: 4, newestDayWeight: 0 }), { code: 'OPTIMIZER_OUT_OF_RANGE' });
    t.throws(() => observeSlot(history, 5, observation(1)), { code: 'OPTIMIZER_OUT_OF_RANGE' });
    t.throws(() => observeSlot(history, 6, observation(Number.NaN)), { code: 'OPTIMIZER_NOT_FINITE' });
  });
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

import t from 'tap';
import { type RoundsFindings, renderRounds } from '../../agent/cli/rounds-view.ts';
import { homeProblem, loadNeighbourhood, selectDay } from '../../agent/neighbourhood/index.ts';
import { type RoundsReport, type StudyProgress, studyRounds } from '../../agent/study/index.ts';
import { renderConvergence } from '../../agent/terminal/index.ts';
import {
  defaultSessionParameters,
  type HomeProblem,
  planHome,
  runRounds,
  warmSessionParameters,
} from '../../optimizer/index.ts';
import { library } from '../optimizer/homes.ts';

const plain = { width: 80, color: false, unicode: true };

const sixHomesData = async () =>
  selectDay(await loadNeighbourhood({ dataDirectory: undefined, homes: 6, seed: 3, hvac: true, ev: true }), {
    slots: 24,
  });

async function sixHomes(): Promise<HomeProblem[]> {
  const data = await sixHomesData();
  return data.homes.map((home) => homeProblem(data, home, { kind: 'none' }));
}

async function studied(
  form: 'pool' | 'pairwise',
  warm?: number,
  onProgress?: (progress: StudyProgress) => void,
): Promise<RoundsReport> {
  const data = await sixHomesData();
  return studyRounds(library, {
    data,
    form,
    parameters: defaultSessionParameters({ homes: 6, form }),
    ...(onProgress && { onProgress }),
    ...(warm === undefined ? {} : { warm: { forecastChange: warm, seed: 3 } }),
  });
}

t.test('a studied session is held against the optimum round by round', async (t) => {
  for (const form of ['pool', 'pairwise'] as const) {
    const cold = await studied(form);
    t.equal(cold.ended, 'converged');
    t.equal(cold.byRound.length, cold.rounds);
    t.same(
      cold.byRound.map(({ round }) => round),
      cold.byRound.map((_, index) => index + 1),
    );
    const { alone, together, centralised, gap } = cold.cost;
    t.ok(centralised <= together + 1e-9 && together < alone, `${form}: ${centralised} ${together} ${alone}`);
    t.equal(cold.byRound.at(-1)?.gap, gap, 'the last round is what is cleared');
    t.ok(gap < 0.005);
    const aloneCosts = (await sixHomes()).map((problem) => {
      const plan = planHome(library, problem);
      return plan.status === 'solved' ? plan.cost.total : Number.NaN;
    });
    t.ok(Math.min(...aloneCosts) < 0, 'one of them earns: sums of costs would be no measure');
    const measure = aloneCosts.reduce((sum, cost) => sum + Math.abs(cost), 0);
    t.ok(Math.abs(gap - (together - centralised) / measure) < 1e-9);
    const first = cold.byRound[0]!;
    t.ok(first.gapOffered! < first.gap! - 0.1, 'offers that do not add up promise more than can be had');
    t.ok(
      cold.byRound.every((round) => round.gap === null || round.gap > -1e-6),
      'nobody does better than one planner for all',
    );
    t.match(cold, { maxImbalanceW: 0, paymentsSum: 0 });
    for (const { imbalanceKw, gap, round } of cold.reached) {
      const near = ({ imbalanceKw: own, gap: its }: (typeof cold.byRound)[number]) =>
        own <= imbalanceKw && its !== null && its <= gap;
      t.equal(cold.byRound.find(near)?.round ?? null, round);
    }
    t.equal(cold.pricesPerKwh.length, 24);
    t.ok(
      cold.pricesPerKwh.every((price) => price > 0 && price < 0.5),
      'prices of homes, also where each pair has its own',
    );

    const same = await studied(form, 0);
    t.ok(same.byRound[0]!.gap! < 0.005, `${form}: from its own result it begins where it ended`);
    const warm = await studied(form, 0.05);
    t.ok(warm.rounds < cold.rounds, `${form}: warm ${warm.rounds}, cold ${cold.rounds}`);
    t.ok(warm.cost.gap < 0.005);
  }
});

t.test('a warm session is one that follows another, with what is known of those', async (t) => {
  const data = await sixHomesData();
  const parameters = defaultSessionParameters({ homes: 6, form: 'pool' });
  const session = {
    form: 'pool' as const,
    parameters,
    homes: new Map(data.homes.map((home) => [home.home, homeProblem(data, home, { kind: 'none' })])),
    startPriceMicroPerKwh: data.importPricePerKwh.map((price, slot) =>
      BigInt(Math.round(500_000 * (price + data.feedInPricePerKwh[slot]!))),
    ),
  };
  const yesterday = runRounds(library, session);
  const today = runRounds(library, { ...session, parameters: warmSessionParameters(parameters), yesterday });
  const studiedAgain = await studied('pool', 0);
  t.same(
    studiedAgain.byRound.map(({ imbalanceKw }) => Math.round(1e6 * imbalanceKw)),
    today.reports.map(({ imbalanceMw }) => Number(imbalanceMw)),
  );
});

t.test('a study tells how far it has come', async (t) => {
  const told = new Map<string, number[]>();
  const { rounds } = await studied('pool', 0.05, ({ stage, homes, of }) => {
    t.equal(of, 6);
    told.set(stage, [...(told.get(stage) ?? []), homes]);
  });
  const everyHome = [1, 2, 3, 4, 5, 6];
  t.same([...told.keys()], ['alone', 'centralised', 'session before', 'session']);
  t.same(told.get('alone'), [0, ...everyHome]);
  t.same(told.get('centralised'), [0]);
  t.same(told.get('session'), [0, ...new Array(rounds).fill(everyHome).flat()]);
  t.ok(told.get('session before')!.length > 2 * everyHome.length);
});

t.test('a study for people', async (t) => {
  const findings: RoundsFindings = {
    ...(await studied('pool', 0.05)),
    ...{ source: 'generator, seed 3', day: '2025-05-05', form: 'pool', seed: 3, currency: 'USD' },
    ...{ homes: 6, slots: 24, slotMinutes: 60, start: 'warm', forecastChange: 0.05 },
    ...{ toleranceKw: { primal: 0.02, dual: 0.04 }, cpuSeconds: 1.5, wallSeconds: 2 },
    importPricePerKwh: new Array(24).fill(0.3),
    feedInPricePerKwh: new Array(24).fill(0.05),
  };
  const text = renderRounds(findings, plain);
  t.match(text, /round {2}imbalance a home \[kW\] +cost gap/);
  t.match(text, /a session whose forecast was off by 5 %/);
  t.match(text, /6 homes, 2025-05-05, pool, generator, seed 3/);
  t.match(text, /0 W in every slot; payments sum to 0/);
  t.ok(text.split('\n').every((line) => line.length <= 80));
});

t.test('values that fall are drawn by powers of ten', async (t) => {
  const values = [1, 0.1, 0.01, 0, null, -0.5];
  const text = renderConvergence(
    [
      { label: 'imbalance', unit: 'kW', values },
      { label: 'gap', unit: '', values },
    ],
    { ...plain, unicode: false },
  );
  const bars = text
    .split('\n')
    .slice(1)
    .map((line) => line.match(/#*/g)!.find((run) => run !== '')?.length ?? 0);
  const [one, tenth, hundredth, ...none] = bars;
  t.ok(Math.abs(one! - tenth! - (tenth! - hundredth!)) <= 1, `equal steps: ${bars}`);
  t.same(none, [0, 0, 0]);
  t.match(text, / {4}5 +- +-$/m);
  const many = renderConvergence([{ label: 'x', unit: '', values: new Array(100).fill(1) }], plain);
  t.ok(many.split('\n').length <= 43);
  t.match(many, /\n {2}100 /, 'the last round is shown');
  t.doesNotThrow(() => renderConvergence([], plain));
});

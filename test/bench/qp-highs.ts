import { buildHomeQp, type HomeProblem } from '../../optimizer/index.ts';
import { asLinear, fullHome } from '../optimizer/full-home.ts';
import { prepareHighs } from '../optimizer/highs.ts';
import { library } from '../optimizer/homes.ts';
import { spreadOf, time } from './timing.ts';

/** Given up beyond this; HiGHS looks at its clock seldom and may take longer. */
const TIME_LIMIT_S = 5;
const HOMES = 10;

const kinds: readonly { readonly name: string; readonly of: (home: HomeProblem) => HomeProblem }[] = [
  { name: 'with everything', of: (home) => home },
  { name: 'without trade', of: (home) => ({ ...home, trade: { kind: 'none' } }) },
  { name: 'linear', of: asLinear },
];

/** The stage solver beside HiGHS (WebAssembly, npm `highs`): one solve each of ten homes, data in place, ms of CPU. */
export function compareWithHighs(slots: number): void {
  console.log(
    `\nHiGHS and the stages, ${slots} slots, ${HOMES} homes of a kind; HiGHS gives up after ${TIME_LIMIT_S} s`,
  );
  console.log(
    'homes              HiGHS solved   HiGHS, median   stages, median   times as fast: median, least',
  );
  // Engines compile what runs often: the first solves of all are not the measure.
  highsMs(fullHome(1, 24));
  for (const { name, of } of kinds) {
    const pairs = Array.from({ length: HOMES }, (_, k) => of(fullHome(k + 1, slots))).map((home) => ({
      highs: highsMs(home),
      stages: stagesMs(home),
    }));
    const solved = pairs.filter(({ highs }) => highs !== undefined);
    const ratios = solved.map(({ highs, stages }) => highs! / stages);
    const shown = (values: number[], digits: number): string => spreadOf(values).median.toFixed(digits);
    console.log(
      [
        name.padEnd(18),
        `${solved.length}/${HOMES}`.padStart(12),
        shown(
          solved.map(({ highs }) => highs!),
          0,
        ).padStart(15),
        shown(
          pairs.map(({ stages }) => stages),
          3,
        ).padStart(16),
        `${shown(ratios, 0)}, ${Math.min(...ratios).toFixed(0)}`.padStart(30),
      ].join(' '),
    );
  }
}

/** Undefined where HiGHS found no optimum. */
function highsMs(home: HomeProblem): number | undefined {
  const { solve, dispose } = prepareHighs(buildHomeQp(home).qp, TIME_LIMIT_S);
  const before = process.cpuUsage();
  const { status } = solve();
  const { user, system } = process.cpuUsage(before);
  dispose();
  return status === 'solved' ? (user + system) / 1000 : undefined;
}

function stagesMs(home: HomeProblem): number {
  const solver = library.stages.open();
  if (!solver.solve(home)) throw new Error('the stages found no plan');
  return spreadOf(time(() => solver.repeat(), 10).map(({ cpuMs }) => cpuMs)).median;
}

import { readFile } from 'node:fs/promises';
import { parseGenesis } from '../../consensus/index.ts';
import {
  defaultSessionParameters,
  type HomeProblem,
  type OptimizerLibrary,
  runRounds,
  type Trade,
} from '../../optimizer/index.ts';
import { loadConfig } from '../config/load.ts';
import { askLocalApi } from '../diagnostics/local-api.ts';
import type { SessionAnswer } from '../diagnostics/session-answer.ts';
import type { AgentStatus } from '../diagnostics/status.ts';
import { AgentError } from '../errors.ts';
import { type DayData, homeProblem, loadNeighbourhood, selectDay } from '../neighbourhood/index.ts';
import type { Progress } from '../terminal/index.ts';
import { microToMoney, microToPricePerKwh, pricePerKwhToMicro } from '../translate/units.ts';
import { parseOwnProblem, readProblemFile, type WrittenProblem } from './problem-file.ts';
import type { ScheduleSourceChoice } from './schedule-options.ts';

/** A home and a day to plan. */
export type ScheduleSource = {
  readonly home: string;
  /** Where it comes from, and with whom it trades, for people. */
  readonly source: string;
  readonly day?: string;
  readonly currency: string;
  /** With the trade it has: none or fixed, or what a file says. */
  readonly problem: HomeProblem;
  /** What the neighbours pay for a fixed trade; negative when they are paid. */
  readonly received: number;
  /** What a traded kWh costs, by slot, where it is known. */
  readonly tradePricePerKwh?: readonly number[];
  /** Slots whose feed-in price was lowered to the import price; absent where there are none. */
  readonly feedInCappedSlots?: number;
};

/**
 * The home's problem of the day, with the trade that it would agree on with its neighbours.
 *
 * @throws AgentError AGENT_BAD_OPTION, AGENT_BAD_DATA, AGENT_BAD_CONFIG, AGENT_FILE_MISSING, AGENT_TIMEOUT or
 * AGENT_NOT_READY.
 */
export async function loadScheduleSource(
  choice: ScheduleSourceChoice,
  library: OptimizerLibrary,
  progress?: Progress,
): Promise<ScheduleSource> {
  switch (choice.kind) {
    case 'neighbourhood':
      return await fromNeighbourhood(choice, library, progress);
    case 'problem': {
      const written = await readProblemFile(choice.file);
      return { home: 'home', currency: 'money', received: 0, source: choice.file, ...feedInCapped(written) };
    }
    case 'running':
      return await fromRunningAgent(choice.configFile);
    default:
      return choice satisfies never;
  }
}

/**
 * Feeding in is worth no more than energy costs in the same slot: else the cheapest plan would earn by buying and
 * feeding in at once, which no meter pays for.
 */
function feedInCapped(written: WrittenProblem): WrittenProblem & { readonly feedInCappedSlots?: number } {
  const { importPricePerKwh, feedInPricePerKwh } = written.problem;
  const given = Array.from(feedInPricePerKwh);
  const capped = given.map((price, t) => Math.min(price, importPricePerKwh[t] ?? price));
  const feedInCappedSlots = capped.filter((price, t) => price < given[t]!).length;
  if (feedInCappedSlots === 0) return written;
  return { ...written, problem: { ...written.problem, feedInPricePerKwh: capped }, feedInCappedSlots };
}

/** Slots of all homes above which rounds take so long that they are watched. */
const slowAnswers = 2_400;

type NeighbourhoodChoice = Extract<ScheduleSourceChoice, { kind: 'neighbourhood' }>;

async function fromNeighbourhood(
  choice: NeighbourhoodChoice,
  library: OptimizerLibrary,
  progress?: Progress,
): Promise<ScheduleSource> {
  const watch = choice.trade && choice.homes * choice.slots > slowAnswers ? progress : undefined;
  watch?.begin('Trading', 1);
  const neighbourhood = await loadNeighbourhood(choice);
  const data = selectDay(neighbourhood, choice);
  const home = homeOf(data, choice);
  const traded =
    choice.trade && data.homes.length > 1
      ? tradeOf(data, home, { form: choice.form, library, watch })
      : undefined;
  watch?.finish();
  const own = data.homes.find((one) => one.home === home)!;
  return {
    home,
    day: data.day,
    currency: data.currency,
    source: traded
      ? `${neighbourhood.source}; trades with ${neighbours(data.homes.length - 1)}, ${traded.rounds} rounds`
      : neighbourhood.source,
    problem: homeProblem(data, own, traded?.trade ?? { kind: 'none' }),
    received: traded?.received ?? 0,
    ...(traded && { tradePricePerKwh: traded.pricePerKwh }),
  };
}

function homeOf({ homes }: DayData, choice: NeighbourhoodChoice): string {
  const names = homes.map(({ home }) => home);
  if (choice.home === undefined) {
    return homes.find(({ battery }) => battery !== undefined)?.home ?? names[0]!;
  }
  if (names.includes(choice.home)) return choice.home;
  throw new AgentError(
    'AGENT_BAD_OPTION',
    `--home ${choice.home} is none of the ${names.length} homes here (${names[0]} to ${names.at(-1)}): name one of them, or raise --homes.`,
    { home: choice.home },
  );
}

const mwPerKw = 1e6;

/** Rounds of the whole neighbourhood in this process, from the middle between import and feed-in price. */
function tradeOf(
  data: DayData,
  home: string,
  {
    form,
    library,
    watch,
  }: Pick<NeighbourhoodChoice, 'form'> & {
    readonly library: OptimizerLibrary;
    readonly watch: Progress | undefined;
  },
) {
  const parameters = defaultSessionParameters({ homes: data.homes.length, form });
  const toleranceKw = Number(parameters.tolerancePrimalMw) / mwPerKw;
  let [round, answers] = [0, 0];
  const { cleared, payments, reports, state } = runRounds(library, {
    form,
    parameters,
    homes: new Map(data.homes.map((one) => [one.home, homeProblem(data, one, { kind: 'none' })])),
    startPriceMicroPerKwh: data.importPricePerKwh.map((price, t) =>
      pricePerKwhToMicro((price + data.feedInPricePerKwh[t]!) / 2),
    ),
    onAnswer: () => {
      answers += 1;
      watch?.detail(`round ${round + 1}, ${answers} of ${data.homes.length} homes`);
    },
    onRound: ({ report: { imbalanceMw } }) => {
      round += 1;
      answers = 0;
      watch?.round({ round, imbalanceKw: Number(imbalanceMw) / mwPerKw, toleranceKw });
    },
  });
  const soldW = cleared.soldW.get(home);
  // A home that can answer no round has left.
  if (soldW === undefined) return undefined;
  const trade: Trade = { kind: 'fixed', soldKw: soldW.map((watts) => Number(watts) / 1_000) };
  return {
    trade,
    received: microToMoney(payments.get(home) ?? 0n),
    pricePerKwh: state.priceMicroPerKwh.map(microToPricePerKwh),
    rounds: reports.length,
  };
}

/** What the agent of this configuration planned its day by, and what it agreed on, from its local socket. */
async function fromRunningAgent(configFile: string): Promise<ScheduleSource> {
  const config = await loadConfig(configFile);
  const [answer, session, status] = (await Promise.all(
    ['/problem', '/session', '/status'].map((path) => askLocalApi(config.directory, path)),
  )) as [object, SessionAnswer, AgentStatus];
  if (!('problem' in answer)) {
    throw new AgentError(
      'AGENT_NOT_READY',
      status.phase === 'done'
        ? `${config.home} has nothing left to plan of ${status.day}: give it a dayFile of a day to come.`
        : `${config.home} has not planned its day yet (${status.phase}): ask again when it trades or delivers.`,
    );
  }
  const problem = parseOwnProblem(answer.problem, `the agent of ${config.home}`);
  const { currency } = parseGenesis(await readFile(config.genesisFile, 'utf8'));
  const agreed = session.trades[status.address];
  const here = { home: config.home, day: status.day, currency };
  if (agreed === undefined) {
    return { ...here, source: `running agent, ${status.phase}, no trade`, problem, received: 0 };
  }
  return {
    ...here,
    source: `running agent, ${status.phase}; traded with ${neighbours(Object.keys(session.trades).length - 1)}`,
    problem: { ...problem, trade: { kind: 'fixed', soldKw: agreed.soldW.map((watts) => watts / 1_000) } },
    received: microToMoney(BigInt(agreed.paymentMicro)),
    tradePricePerKwh: session.pricesMicro.map((micro) => micro / 1e6),
  };
}

const neighbours = (count: number): string => (count === 1 ? '1 neighbour' : `${count} neighbours`);

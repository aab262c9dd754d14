import {
  type CostParts,
  type HomePlan,
  type HomeProblem,
  indoorCAtEnd,
  type MissedLimit,
  type Multipliers,
  type PlanValue,
  type Saving,
  type Schedule,
  savingOf,
  type Way,
} from '../../optimizer/index.ts';
import { parseOwnProblem } from './problem-file.ts';
import type { ScheduleSource } from './schedule-source.ts';

/**
 * A home's plan of a day and what it is worth, as JSON has it: money in `currency` over the whole day, power in kW,
 * energy in kWh, temperatures in degrees Celsius, prices and multipliers in money per kWh; series with `slots`
 * entries. Positive savings are saved.
 */
export type ScheduleReport = {
  readonly home: string;
  readonly source: string;
  readonly day?: string;
  readonly currency: string;
  readonly slots: number;
  readonly slotHours: number;
  /** 'infeasible': no plan keeps every limit; the schedule is the one that misses them by the least. */
  readonly status: 'planned' | 'infeasible';
  /** Limits that the schedule misses, largest miss first. */
  readonly missed: readonly MissedLimit[];
  readonly schedule: ScheduleSeries;
  readonly cost: CostParts;
  /** Only when planned. */
  readonly value?: ReportedValue;
  readonly multipliers?: ReportedMultipliers;
  /** What was planned: `--problem` takes it. */
  readonly problem: HomeProblem;
  readonly received: number;
  readonly tradePricePerKwh?: readonly number[];
  /** Slots in which the feed-in price of the given problem was above the import price, and is equal to it in this one. */
  readonly feedInCappedSlots?: number;
};

/** The schedule by name, with what it was made from; `availablePvKw` less used and fed in is thrown away. */
type ScheduleSeries = {
  readonly [name in Exclude<keyof Schedule, 'shiftableKw' | 'peakKw'>]: readonly number[];
} & {
  readonly importPricePerKwh: readonly number[];
  readonly feedInPricePerKwh: readonly number[];
  readonly baseLoadKw: readonly number[];
  readonly availablePvKw: readonly number[];
  readonly shiftableKw: readonly (readonly number[])[];
  readonly peakKw: number;
};

type ReportedMultipliers = {
  readonly energyPerKwh: readonly number[];
  readonly batteryStoredPerKwh: readonly number[];
  readonly evStoredPerKwh: readonly number[];
  readonly peakPerKw: number;
};

type ReportedWay = Omit<Way, 'schedule'> & {
  readonly energy: {
    readonly importKwh: number;
    readonly feedInKwh: number;
    readonly soldKwh: number;
    readonly boughtKwh: number;
  };
  readonly peakKw: number;
  /** At the end of the day; without a heat pump nothing is known of the house. */
  readonly end: { readonly batteryKwh: number; readonly evKwh: number; readonly indoorC?: number };
};

type ReportedValue = {
  readonly noPlan: ReportedWay;
  readonly selfConsumption?: ReportedWay;
  readonly alone: ReportedWay;
  readonly together?: ReportedWay;
  /** By the plan alone. */
  readonly savedAgainst: { readonly noPlan: Saving; readonly selfConsumption?: Saving };
  /** By the trade, on top of that. */
  readonly addedByTrade?: Saving;
};

/** What is drawn when there is no plan to be had. */
export type NearestPlan = {
  readonly schedule: Schedule;
  readonly cost: CostParts;
  readonly missed: readonly MissedLimit[];
};

export function plannedReport(source: ScheduleSource, value: PlanValue): ScheduleReport {
  const { noPlan, selfConsumption, alone, together, multipliers } = value;
  const { problem } = source;
  const carriedOut = together ?? alone;
  return {
    ...headOf(source),
    status: 'planned',
    missed: [],
    schedule: seriesOf(problem, carriedOut.schedule),
    cost: carriedOut.cost,
    value: {
      noPlan: reported(noPlan, problem),
      ...(selfConsumption && { selfConsumption: reported(selfConsumption, problem) }),
      alone: reported(alone, problem),
      ...(together && { together: reported(together, problem) }),
      savedAgainst: {
        noPlan: savingOf(noPlan, alone),
        ...(selfConsumption && { selfConsumption: savingOf(selfConsumption, alone) }),
      },
      ...(together && { addedByTrade: savingOf(alone, together) }),
    },
    multipliers: multipliersOf(multipliers),
    ...inputsOf({ ...source, received: carriedOut.received }),
  };
}

export function nearestReport(source: ScheduleSource, nearest: NearestPlan): ScheduleReport {
  return {
    ...headOf(source),
    status: 'infeasible',
    missed: nearest.missed,
    schedule: seriesOf(source.problem, nearest.schedule),
    cost: nearest.cost,
    ...inputsOf(source),
  };
}

/** The nearest plan of a home without a plan that keeps every limit, if even that was found. */
export function nearestOf(plan: Exclude<HomePlan, { status: 'solved' }>): NearestPlan | undefined {
  return plan.status === 'infeasible' && plan.nearest ? { ...plan.nearest, missed: plan.missed } : undefined;
}

function headOf({ home, source, day, currency, problem }: ScheduleSource) {
  const { slots, slotHours } = problem;
  return { home, source, ...(day !== undefined && { day }), currency, slots, slotHours };
}

function inputsOf({ problem, received, tradePricePerKwh, feedInCappedSlots }: ScheduleSource) {
  return {
    problem: onlyProblem(problem),
    received,
    ...(tradePricePerKwh && { tradePricePerKwh }),
    ...(feedInCappedSlots !== undefined && { feedInCappedSlots }),
  };
}

function seriesOf(problem: HomeProblem, schedule: Schedule): ScheduleSeries {
  return plain({
    importPricePerKwh: problem.importPricePerKwh,
    feedInPricePerKwh: problem.feedInPricePerKwh,
    baseLoadKw: problem.baseLoadKw,
    availablePvKw: problem.pvKw ?? new Float64Array(problem.slots),
    ...schedule,
  }) as unknown as ScheduleSeries;
}

function multipliersOf(multipliers: Multipliers): ReportedMultipliers {
  return plain(multipliers) as unknown as ReportedMultipliers;
}

function reported({ schedule, ...way }: Way, problem: HomeProblem): ReportedWay {
  const { slotHours } = problem;
  const indoorC = indoorCAtEnd(problem, schedule);
  const kwh = (series: Float64Array, sign: 1 | -1 = 1): number =>
    series.reduce((sum, kw) => sum + slotHours * Math.max(0, sign * kw), 0);
  return {
    ...way,
    energy: {
      importKwh: kwh(schedule.importKw),
      feedInKwh: kwh(schedule.feedInKw),
      soldKwh: kwh(schedule.soldKw),
      boughtKwh: kwh(schedule.soldKw, -1),
    },
    peakKw: schedule.peakKw,
    end: {
      batteryKwh: schedule.batteryKwh.at(-1)!,
      evKwh: schedule.evKwh.at(-1)!,
      ...(indoorC !== undefined && { indoorC }),
    },
  };
}

/** Without what its devices tell beside what a problem is made of. */
function onlyProblem(problem: HomeProblem): HomeProblem {
  return plain(parseOwnProblem(plain(problem), 'problem'));
}

/** As JSON has it: typed arrays become arrays, and a limit that is none becomes null. */
function plain<Value>(value: Value): Value {
  return JSON.parse(
    JSON.stringify(value, (_name, inner) =>
      ArrayBuffer.isView(inner) ? Array.from(inner as Float64Array) : inner,
    ),
  ) as Value;
}

import type { QpProblem } from '../qp/types.ts';
import { addBattery, addHvac, addShiftableLoad, addVehicle, type StorageLayout } from './home-devices.ts';
import type { HomeDraft } from './home-draft.ts';
import { addTrade, newTrade, type TradeColumns, tradeConstant } from './home-trade.ts';
import { absent, createQpDraft, type Entry, negated } from './qp-draft.ts';
import type { HomeProblem, MissedLimit } from './types.ts';
import { validateProblem } from './validate-problem.ts';

/** Where each quantity stands in x and each named row in y. Series by slot; -1 where there is none. */
export type HomeLayout = {
  readonly importKw: Int32Array;
  readonly reductionKw: Int32Array;
  readonly pvUsedKw: Int32Array;
  readonly feedInKw: Int32Array;
  readonly soldKw: Int32Array;
  readonly tradeUpKw: Int32Array;
  readonly tradeDownKw: Int32Array;
  readonly battery?: StorageLayout;
  readonly ev?: StorageLayout;
  readonly hvacKw: Int32Array;
  /** Indoor temperature as its difference from the preferred one. */
  readonly indoorOffsetK: Int32Array;
  /** Power of each shiftable load as its difference from the preferred one; in its window. */
  readonly shiftableOffsetKw: readonly Int32Array[];
  readonly peakKw: number;
  readonly balanceRow: Int32Array;
  readonly peakRow: Int32Array;
  /** Columns of what a softened limit is missed by, weighted in kWh, kW or K. */
  readonly misses: readonly (Omit<MissedLimit, 'by'> & { readonly column: number })[];
  /** Whether called slots of an opt-in demand response bind this problem. */
  readonly optedIn: boolean;
};

export type HomeQp = {
  readonly qp: QpProblem;
  readonly layout: HomeLayout;
  /** To add to the solver's objective to get money, the trade term included. */
  readonly constant: number;
};

export type HomeQpOptions = {
  /** Take part in an opt-in demand response; true unless told otherwise. */
  readonly optIn?: boolean;
  /**
   * What may be missed, at a price far above every real one: nothing (the default); wishes, which are the house's
   * temperature at the end and, at a higher price, the fixed trade; or, at a still higher one, every limit that is
   * not physics, too.
   */
  readonly soft?: 'nothing' | 'wishes' | 'limits';
};

/**
 * The home's problem as a quadratic program: Yang & Wang's DERs Cost Minimization (Eqs. 1-13) with the
 * exponent of the thermal model negative, the fixed load in the balance, and every price times the slot's
 * length.
 *
 * @throws OptimizerError when the problem makes no sense (see validateProblem).
 */
export function buildHomeQp(problem: HomeProblem, options: HomeQpOptions = {}): HomeQp {
  validateProblem(problem);
  const { slots } = problem;
  const optIn = options.optIn ?? true;
  const soft = options.soft ?? 'nothing';
  const qp = createQpDraft();
  const misses: { limit: MissedLimit['limit']; slot: number; unit: MissedLimit['unit']; column: number }[] =
    [];
  const price = missPrice(problem);

  const draft: HomeDraft = {
    problem,
    qp,
    balance: Array.from({ length: slots }, () => []),
    useKw: Float64Array.from(problem.baseLoadKw),
    miss(limit, slot, unit) {
      if (soft !== 'limits') return [];
      const column = qp.variable({ linear: LIMIT_OVER_TRADE * price });
      qp.row([[column, 1]], 0, Infinity);
      misses.push({ limit, slot, unit, column });
      return [[column, 1]];
    },
    missWish(limit, slot, unit, kwPerUnit) {
      if (soft === 'nothing') return [];
      const column = qp.variable({ linear: WISH_UNDER_TRADE * price * kwPerUnit });
      qp.row([[column, 1]], 0, Infinity);
      misses.push({ limit, slot, unit, column });
      return [[column, 1]];
    },
  };

  const demandCharge = problem.demandCharge;
  const peakKw = demandCharge ? qp.variable({ linear: demandCharge.pricePerKw }) : -1;
  if (demandCharge) qp.row([[peakKw, 1]], demandCharge.meteredPeakKw, Infinity);

  const columns = newColumns(slots);
  const trade = newTrade(slots);
  for (let t = 0; t < slots; t += 1) {
    addGrid(draft, columns, peakKw, t);
    addDemandResponse(draft, columns, optIn, t);
    addGeneration(draft, columns, t);
    addTrade(draft, trade, soft === 'nothing' ? 0 : price, t);
    addMeterLimits(draft, columns, trade, t);
  }
  const battery = problem.battery && addBattery(draft, problem.battery);
  const ev = problem.ev && addVehicle(draft, problem.ev);
  const hvac = problem.hvac && addHvac(draft, problem.hvac);
  const shiftable = (problem.shiftableLoads ?? []).map((load) => addShiftableLoad(draft, load));

  const balanceRow = new Int32Array(slots);
  for (let t = 0; t < slots; t += 1) {
    const use = draft.useKw[t]! + trade.fixedKw[t]!;
    balanceRow[t] = qp.row(draft.balance[t]!, use, use);
  }

  return {
    qp: qp.finish(),
    constant: tradeConstant(problem),
    layout: {
      ...columns,
      soldKw: trade.soldKw,
      tradeUpKw: trade.upKw,
      tradeDownKw: trade.downKw,
      ...(battery && { battery }),
      ...(ev && { ev }),
      hvacKw: hvac?.powerKw ?? absent(slots),
      indoorOffsetK: hvac?.indoorOffsetK ?? absent(slots),
      shiftableOffsetKw: shiftable,
      peakKw,
      balanceRow,
      misses,
      optedIn: optIn && isCalled(problem),
    },
  };
}

/** Whether an opt-in demand response calls any slot: only then is there a choice to make. */
export function isCalled({ demandResponse }: HomeProblem): boolean {
  return demandResponse?.form === 'opt-in' && Array.from(demandResponse.rewardPerKwh).some((r) => r > 0);
}

/** A missed limit costs this many times a missed trade, so that a trade is always given up first. */
const LIMIT_OVER_TRADE = 100;

/** And a missed wish this part of one, which is still above every real price. */
const WISH_UNDER_TRADE = 0.3;

/** Above any price at which missing a trade or a limit could pay, per kW in one slot. */
function missPrice({ importPricePerKwh, feedInPricePerKwh, slotHours, demandCharge }: HomeProblem): number {
  let highest = 1;
  for (const prices of [importPricePerKwh, feedInPricePerKwh]) {
    for (let t = 0; t < prices.length; t += 1) highest = Math.max(highest, Math.abs(prices[t]!));
  }
  return 10 * (highest * slotHours + (demandCharge?.pricePerKw ?? 0));
}

type GridColumns = Pick<HomeLayout, 'importKw' | 'reductionKw' | 'pvUsedKw' | 'feedInKw' | 'peakRow'>;

function newColumns(slots: number): GridColumns {
  return {
    importKw: absent(slots),
    reductionKw: absent(slots),
    pvUsedKw: absent(slots),
    feedInKw: absent(slots),
    peakRow: absent(slots),
  };
}

/** Import within the connection's limit and under the peak that the demand charge is paid for. */
function addGrid(draft: HomeDraft, columns: GridColumns, peakKw: number, t: number): void {
  const { problem, qp } = draft;
  const column = qp.variable({ linear: problem.slotHours * problem.importPricePerKwh[t]! });
  columns.importKw[t] = column;
  const over = draft.miss('import maximum', t, 'kW');
  if (over.length === 0) {
    qp.row([[column, 1]], 0, problem.importKwMax);
  } else {
    qp.row([[column, 1]], 0, Infinity);
    qp.row([[column, 1], ...negated(over)], -Infinity, problem.importKwMax);
  }
  if (peakKw >= 0) {
    columns.peakRow[t] = qp.row(
      [
        [column, 1],
        [peakKw, -1],
      ],
      -Infinity,
      0,
    );
  }
  draft.balance[t]!.push([column, 1]);
}

function addDemandResponse(draft: HomeDraft, columns: GridColumns, optIn: boolean, t: number): void {
  const { problem, qp } = draft;
  const response = problem.demandResponse;
  const reward = response?.rewardPerKwh[t] ?? 0;
  if (!response || reward <= 0 || (response.form === 'opt-in' && !optIn)) return;
  const column = qp.variable({ linear: -problem.slotHours * reward });
  columns.reductionKw[t] = column;
  qp.row([[column, 1]], 0, Infinity);
  const imported = columns.importKw[t]!;
  if (response.form === 'opt-in') {
    qp.row(
      [
        [imported, 1],
        [column, 1],
      ],
      -Infinity,
      response.baselineKw[t]!,
    );
  } else {
    qp.row(
      [
        [imported, -1],
        [column, 1],
      ],
      -Infinity,
      0,
    );
    draft.balance[t]!.push([column, -1]);
  }
}

/** PV is used in the home (or stored, or sold to neighbours), fed in, or curtailed. */
function addGeneration(draft: HomeDraft, columns: GridColumns, t: number): void {
  const { problem, qp } = draft;
  const available = problem.pvKw?.[t] ?? 0;
  if (available === 0) return;
  const used = qp.variable();
  const fedIn = qp.variable({ linear: -problem.slotHours * problem.feedInPricePerKwh[t]! });
  columns.pvUsedKw[t] = used;
  columns.feedInKw[t] = fedIn;
  qp.row([[used, 1]], 0, Infinity);
  qp.row([[fedIn, 1]], 0, Infinity);
  qp.row(
    [
      [used, 1],
      [fedIn, 1],
    ],
    -Infinity,
    available,
  );
  draft.balance[t]!.push([used, 1]);
}

/** The operator's limits on what the meter sees. */
function addMeterLimits(draft: HomeDraft, columns: GridColumns, trade: TradeColumns, t: number): void {
  const { problem, qp } = draft;
  const lower = problem.netImportKwMin?.[t] ?? -Infinity;
  const upper = problem.netImportKwMax?.[t] ?? Infinity;
  if (lower === -Infinity && upper === Infinity) return;
  const meter: Entry[] = [[columns.importKw[t]!, 1], ...negated(trade.entries[t]!)];
  if (columns.feedInKw[t]! >= 0) meter.push([columns.feedInKw[t]!, -1]);
  if (columns.reductionKw[t]! >= 0 && problem.demandResponse?.form === 'as-published') {
    meter.push([columns.reductionKw[t]!, -1]);
  }
  const under = lower > -Infinity ? draft.miss('net import minimum', t, 'kW') : [];
  const over = upper < Infinity ? draft.miss('net import maximum', t, 'kW') : [];
  const fixed = trade.fixedKw[t]!;
  qp.row([...meter, ...under, ...negated(over)], lower + fixed, upper + fixed);
}

import { readSession, type SyncStatus } from '../../consensus/index.ts';
import type { BrokerStatus } from '../../drivers/index.ts';
import { type ClockStanding, isDisproven } from '../clock/clock.ts';
import { type Home, type Phase, sessionIdOf } from '../home.ts';

/** What an agent tells of itself on its local socket under `/status`. Energy in kWh, power in kW, money in the network's currency. */
export type AgentStatus = {
  readonly home: string;
  readonly address: string;
  readonly utcMs: number;
  /** Against the chain's time; absent where one process tells all others the time. */
  readonly clock?: ClockStanding;
  readonly phase: Phase;
  /** Slot being carried out, in phase `delivering`; none by a clock that is disproven. */
  readonly slot?: number;
  readonly day: string;
  readonly planned: {
    readonly aloneCost?: number;
    readonly togetherCost?: number;
    readonly aloneNetImportKw?: readonly number[];
    readonly netImportKw?: readonly number[];
  };
  /** Energy bill so far at the supplier's prices (trade counted as delivered), without payments. */
  readonly realised: {
    readonly slots: number;
    readonly importKwh: number;
    readonly exportKwh: number;
    readonly supplierCost: number;
  };
  readonly rounds: readonly { readonly round: number; readonly imbalanceKw: number }[];
  readonly ledger: {
    readonly height: number;
    readonly digest: string;
    readonly stateRoot: string;
    readonly validator: boolean;
    /** It has stopped for good, and the agent is ending; its log says why. */
    readonly failed: boolean;
    readonly votesInDoubt: boolean;
    /** Whether the key that the ledger names for this address is at hand: without it nothing is signed. */
    readonly keyIsKnown: boolean;
    /** A change of keys has been begun and not finished. */
    readonly keyIsChanging: boolean;
    /** Why nothing is signed, while nothing is. */
    readonly doubt?: string;
    /** Others' blocks that got no vote here since the start, and why the last did not. */
    readonly refusedProposals: { readonly count: number; readonly lastReason: string | null };
    /** To one broker at least. */
    readonly connected: boolean;
    readonly pending: number;
    /** The highest height heard of, the oldest block kept, and how far a snapshot has come that is being fetched. */
    readonly sync: SyncStatus;
    readonly blocks: { readonly count: number; readonly p50Ms: number; readonly p95Ms: number };
  };
  readonly brokers: readonly BrokerStatus[];
  readonly devices: readonly { readonly id: string; readonly kind: string; readonly fault?: string }[];
  /** What this start found damaged or lost, and what became of it. */
  readonly mended: readonly string[];
};

const W_PER_KW = 1_000;
const MW_PER_KW = 1_000_000;

export function statusOf(home: Home): AgentStatus {
  const { config, address, clock, day, node, devices, state } = home;
  const { journal } = state;
  const ledger = node.status();
  return {
    home: config.home,
    address,
    utcMs: clock.utcMs(),
    ...(clock.standing && { clock: clock.standing() }),
    phase: state.phase,
    ...(state.slot !== undefined && !isDisproven(clock) && { slot: state.slot }),
    day: day.day,
    planned: {
      ...(journal.aloneCost !== undefined && { aloneCost: journal.aloneCost }),
      ...(journal.togetherCost !== undefined && { togetherCost: journal.togetherCost }),
      ...(journal.aloneNetImportKw && { aloneNetImportKw: journal.aloneNetImportKw }),
      ...(journal.togetherNetImportKw && { netImportKw: journal.togetherNetImportKw }),
    },
    realised: realisedOf(home),
    rounds: (readSession(node.head.state, sessionIdOf(home))?.residuals ?? []).map(
      ({ round, imbalanceMw }) => ({
        round,
        imbalanceKw: imbalanceMw / MW_PER_KW,
      }),
    ),
    ledger: {
      height: node.head.height,
      digest: node.head.digest,
      stateRoot: node.head.header.stateRoot,
      validator: node.head.validators.some((validator) => validator.address === address),
      failed: ledger.failed,
      votesInDoubt: ledger.votesInDoubt,
      keyIsKnown: ledger.keyIsKnown,
      keyIsChanging: home.keyIsChanging(),
      ...(ledger.doubt !== null && {
        doubt: `${ledger.doubt.reason}; it ends with ${blockThatEnds(ledger.doubt)}`,
      }),
      refusedProposals: ledger.refusedProposals,
      connected: ledger.connected,
      pending: ledger.ownPending,
      sync: ledger.sync,
      blocks: {
        count: ledger.latency.count,
        p50Ms: ledger.latency.p50Ms ?? 0,
        p95Ms: ledger.latency.p95Ms ?? 0,
      },
    },
    brokers: home.brokers(),
    mended: home.mended,
    devices: devices.all.map(({ config: { id, kind }, fault }) => ({
      id,
      kind,
      ...(fault !== undefined && { fault }),
    })),
  };
}

/** Of a node that knows of no height yet, any. */
const blockThatEnds = ({ highestHeight }: { readonly highestHeight: number }): string =>
  highestHeight < 1 ? 'the next block' : `a new block above height ${highestHeight - 1}`;

/** What the supplier bills for the metered slots: metered net import plus energy sold, since trade is virtual. */
function realisedOf({ day, state: { journal } }: Home): AgentStatus['realised'] {
  const slotHours = day.slotMs / 3_600_000;
  let importKwh = 0;
  let exportKwh = 0;
  let supplierCost = 0;
  for (const energy of journal.realised) {
    importKwh += energy.importWh / W_PER_KW;
    exportKwh += energy.exportWh / W_PER_KW;
    const soldKwh = (journal.soldKw?.[energy.slot] ?? 0) * slotHours;
    const suppliedKwh = (energy.importWh - energy.exportWh) / W_PER_KW + soldKwh;
    const pricePerKwh =
      suppliedKwh > 0 ? day.importPricePerKwh[energy.slot]! : day.feedInPricePerKwh[energy.slot]!;
    supplierCost += suppliedKwh * pricePerKwh;
  }
  return { slots: journal.realised.length, importKwh, exportKwh, supplierCost };
}

import type { LedgerNode } from '../consensus/index.ts';
import type { BrokerStatus, MeterReading } from '../drivers/index.ts';
import type { Forecaster, OptimizerLibrary } from '../optimizer/index.ts';
import type { Clock } from './clock/clock.ts';
import type { AgentConfig, DayAhead } from './config/schema.ts';
import type { Leaf } from './cycle/leaf.ts';
import type { Devices } from './devices.ts';
import type { ForecasterFile } from './forecaster-file.ts';
import type { Journal, JournalFile } from './journal.ts';
import type { Log } from './log.ts';

/** What a home is doing with its day. */
export type Phase = 'registering' | 'waiting' | 'trading' | 'planning' | 'delivering' | 'settling' | 'done';

/** A reading taken while the clock was not proven, and how far the clock had been set until then. */
type Unplaced = { readonly reading: MeterReading; readonly setByMs: number };

/** All that one running home is made of; what the cycle and the roles work with. */
export type Home = {
  readonly config: AgentConfig;
  readonly address: string;
  readonly day: DayAhead;
  readonly clock: Clock;
  readonly node: LedgerNode;
  /** Whether its key is being changed: begun, and not finished. */
  readonly keyIsChanging: () => boolean;
  readonly devices: Devices;
  readonly brokers: () => readonly BrokerStatus[];
  readonly library: OptimizerLibrary;
  readonly journalFile: JournalFile;
  readonly forecasterFile: ForecasterFile;
  readonly log: Log;
  /** What this start found damaged or lost, and what became of it: for people. */
  readonly mended: readonly string[];
  /** What it is doing, for those who ask; written by the cycle alone. */
  readonly state: {
    phase: Phase;
    slot?: number;
    journal: Journal;
    /** What was learnt of the home so far. */
    forecaster: Forecaster;
    /** Starts of the slots whose records this run has handed to the ledger's outbox. */
    readonly handedOver: Set<number>;
    /** Readings of the meter since the clock ceased to be proven. */
    unplaced?: readonly Unplaced[];
    /** When the chain was last asked for the time. */
    askedTimeMs?: number;
    /** Fine readings of the slot that runs, or ran last. */
    leaves?: { readonly day: string; readonly slot: number; readonly leaves: readonly Leaf[] };
  };
};

/** A day is traded once in each form; the name says both, and is the same for all homes. */
export const sessionIdOf = ({ day, config }: Pick<Home, 'day' | 'config'>): string =>
  `${day.day}/${config.market.form}`;

/** Changes the journal, and has it on disk when it resolves. */
export async function note(home: Home, change: Partial<Journal>): Promise<void> {
  home.state.journal = { ...home.state.journal, ...change };
  await home.journalFile.write(home.state.journal);
}

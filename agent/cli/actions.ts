import type { Location } from '../../optimizer/index.ts';
import type { HistoryClock } from '../neighbourhood/index.ts';
import type { Asked } from '../proof-file.ts';
import type { Ballot } from '../roles/validator.ts';
import type { DemoOptions } from './demo-options.ts';
import type { JsonTarget } from './json-report.ts';
import type { ScheduleOptions } from './schedule-options.ts';

/** Where a command reads and writes: data to `stdout`, progress and complaints to `stderr`. */
export type CliIo = {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
};

/**
 * What the commands do once their options are known to be right. An action that ends in vain throws: an
 * AgentError for what is foreseen, and command-line.ts turns it into one line and an exit status.
 */
export type CliActions = {
  readonly demo: (options: DemoOptions, io: CliIo) => Promise<void>;
  readonly rounds: (options: RoundsOptions, io: CliIo) => Promise<void>;
  readonly run: (options: RunOptions, io: CliIo) => Promise<void>;
  readonly status: (options: StatusOptions, io: CliIo) => Promise<void>;
  readonly committee: (options: CommitteeOptions, io: CliIo) => Promise<void>;
  readonly prove: (options: ProveOptions, io: CliIo) => Promise<void>;
  readonly verify: (options: VerifyOptions, io: CliIo) => Promise<void>;
  readonly vote: (options: VoteOptions, io: CliIo) => Promise<void>;
  readonly schedule: (options: ScheduleOptions, io: CliIo) => Promise<void>;
  readonly emulate: (options: EmulateOptions, io: CliIo) => Promise<void>;
  readonly forecastEvaluate: (options: ForecastEvaluateOptions, io: CliIo) => Promise<void>;
  readonly qp: (options: QpOptions, io: CliIo) => Promise<void>;
  readonly keysNew: (options: KeysNewOptions, io: CliIo) => Promise<void>;
  readonly keysShow: (options: KeysShowOptions, io: CliIo) => Promise<void>;
  readonly keysEncrypt: (options: KeysEncryptOptions, io: CliIo) => Promise<void>;
  readonly keysRotate: (options: KeysRotateOptions, io: CliIo) => Promise<void>;
};

export type RoundsOptions = {
  readonly homes: number;
  readonly slots: number;
  readonly dataDirectory?: string;
  readonly day?: string;
  readonly form: 'pool' | 'pairwise';
  readonly seed: number;
  /** By how much the forecast of the session before differed; from nothing when absent. */
  readonly warmPercent?: number;
  /** Imbalance a home at which the session ends. */
  readonly toleranceW: number;
  readonly roundsMax: number;
  readonly json: JsonTarget;
  readonly hvac: boolean;
  readonly ev: boolean;
};

export type ProveOptions = {
  readonly configFile: string;
  /** Standard output when absent. */
  readonly outFile?: string;
  readonly claim: Asked;
  /** What the proof starts at: a genesis or a checkpoint. That of the configuration when absent. */
  readonly sinceFile?: string;
};

/** `file` is a path, or `-` for standard input. */
export type VerifyOptions = {
  readonly file: string;
  readonly checkpointFile: string;
  readonly json: boolean;
};

export type RunOptions = { readonly configFile: string };

export type StatusOptions = { readonly configFile: string; readonly json: boolean };

export type CommitteeOptions = { readonly configFile: string; readonly json: boolean };

export type VoteOptions = {
  readonly configFile: string;
  readonly json: boolean;
  readonly ballot: Ballot;
};

export type EmulateOptions = {
  readonly homes: number;
  readonly dataDirectory?: string;
  readonly day?: string;
  readonly seed: number;
  readonly host: string;
  /** Device k of all listens on this port plus k; any free ones when 0. */
  readonly port: number;
  /** Simulated seconds per second. */
  readonly speed: number;
  readonly hvac: boolean;
  readonly ev: boolean;
};

/** `file` is a path, or `-` for standard input. */
export type QpOptions = { readonly file: string; readonly json: boolean };

export type KeysNewOptions = {
  readonly file: string;
  readonly encrypt: boolean;
  /** The account that it is to sign for; one of its own when absent. */
  readonly account?: string;
  /** Asked for at the terminal when absent. */
  readonly passphraseFile?: string;
};

export type KeysShowOptions = { readonly file: string; readonly json: boolean };

export type KeysRotateOptions = { readonly configFile: string; readonly json: boolean };

export type KeysEncryptOptions = { readonly file: string; readonly passphraseFile?: string };

export type ForecastEvaluateOptions = {
  /** One home's history each. */
  readonly files: readonly string[];
  readonly location?: Location;
  readonly clock: HistoryClock;
  readonly warmUpDays: number;
  readonly json: JsonTarget;
};

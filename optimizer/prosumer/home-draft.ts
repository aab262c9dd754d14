import type { Entry, QpDraft } from './qp-draft.ts';
import type { HomeProblem, MissedLimit } from './types.ts';

/** A home's program under construction, handed to the devices: each adds its columns, rows and balance terms. */
export type HomeDraft = {
  readonly problem: HomeProblem;
  readonly qp: QpDraft;
  /** Entries of each slot's balance: supply positive, use negative. */
  readonly balance: Entry[][];
  /** Use in each slot that no column stands for. */
  readonly useKw: Float64Array;
  /** A column for missing `limit`, or nothing while limits are hard. */
  readonly miss: (limit: MissedLimit['limit'], slot: number, unit: MissedLimit['unit']) => Entry[];
  /** A column for missing what is wished for where it can be had, or nothing while wishes are kept. */
  readonly missWish: (
    limit: MissedLimit['limit'],
    slot: number,
    unit: MissedLimit['unit'],
    kwPerUnit: number,
  ) => Entry[];
};

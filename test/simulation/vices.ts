/** What a liar may do, and go on doing after the network has healed. */
export const VICES_ON_BLOCKS = [
  'equivocates',
  'votes for everything',
  'proposes rubbish',
  'tells only some',
  'claims what is not',
  'proposes without grounds',
  'proposes out of turn',
  'proposes the lower claim',
  'floods',
  'lies about blocks',
  'repeats others',
  'falls silent',
] as const;

/** How it answers who looks for a snapshot: where there are any, and in one way only. */
export const VICES_ON_SNAPSHOTS = [
  'seals a state of its own',
  'shows a state of its own under true seals',
  'gives parts with entries of its own',
  'gives parts cut short',
  'gives no parts',
  'offers now this, now that',
] as const;

export const VICES = [...VICES_ON_BLOCKS, ...VICES_ON_SNAPSHOTS] as const;
export type Vice = (typeof VICES)[number];

/** What a liar may do, and go on doing after the network has healed. */
export const VICES = [
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
  'lies about snapshots',
] as const;
export type Vice = (typeof VICES)[number];

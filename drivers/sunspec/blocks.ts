export type Block = { readonly offset: number; readonly count: number };

/**
 * Reads that cover `spans` (registers from a model's start, end exclusive) in as few requests as fit: one for the
 * whole model when it fits `countMax`, so that values and their scale factors come from one instant. A span
 * is never divided, since halves of a value from two instants make a third value.
 */
export function planBlocks(
  spans: readonly { readonly offset: number; readonly end: number }[],
  countMax: number,
): readonly Block[] {
  const blocks: { offset: number; count: number }[] = [];
  for (const { offset, end } of [...spans].sort((a, b) => a.offset - b.offset || a.end - b.end)) {
    const last = blocks.at(-1);
    if (last && end <= last.offset + last.count) continue;
    if (last && end - last.offset <= countMax) last.count = end - last.offset;
    else blocks.push({ offset, count: Math.min(end - offset, countMax) });
  }
  return blocks;
}

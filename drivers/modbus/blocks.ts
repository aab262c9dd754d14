export type Block = { readonly offset: number; readonly count: number };

/**
 * Reads that cover `spans` (registers, end exclusive) in as few requests as fit: one for the
 * whole model when it fits `countMax`, so that values and their scale factors come from one instant. A span
 * is never divided, since halves of a value from two instants make a third value. `gapMax` is how many
 * registers that nobody asked for a request may run over.
 */
export function planBlocks(
  spans: readonly { readonly offset: number; readonly end: number }[],
  countMax: number,
  gapMax = Number.POSITIVE_INFINITY,
): readonly Block[] {
  const blocks: { offset: number; count: number }[] = [];
  for (const { offset, end } of [...spans].sort((a, b) => a.offset - b.offset || a.end - b.end)) {
    const last = blocks.at(-1);
    if (last && end <= last.offset + last.count) continue;
    const near = last && offset - (last.offset + last.count) <= gapMax;
    if (last && near && end - last.offset <= countMax) last.count = end - last.offset;
    else blocks.push({ offset, count: Math.min(end - offset, countMax) });
  }
  return blocks;
}

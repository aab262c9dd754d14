import { legible } from './legible.ts';
import { type Look, paletteOf } from './look.ts';
import { wrapped } from './wrapped.ts';

export type Fact = {
  readonly label: string;
  readonly value: string;
  /** Coloured by it; what must hold is `good` when it does. */
  readonly mood?: 'good' | 'bad' | undefined;
};

/**
 * A title and what is known, labels in one column; long values go on in further lines of their own column. Whatever of
 * it others have written is made legible here.
 */
export function renderFacts(title: string, facts: readonly Fact[], look: Look): string {
  const colors = paletteOf(look);
  const safe = facts.map(({ label, value, mood }) => ({
    label: legible(label),
    value: legible(value),
    mood,
  }));
  const width = safe.reduce((most, fact) => Math.max(most, fact.label.length), 0);
  const margin = '  '.length + width + '  '.length;
  const lines = safe.flatMap(({ label, value, mood }) => {
    const paint = mood === 'good' ? colors.green : mood === 'bad' ? colors.red : String;
    return wrapped(value, Math.max(20, look.width - margin))
      .split('\n')
      .map((line, index) => `  ${colors.dim((index === 0 ? label : '').padEnd(width))}  ${paint(line)}`);
  });
  return [colors.bold(legible(title)), ...lines].join('\n');
}

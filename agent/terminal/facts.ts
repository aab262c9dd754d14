import { type Look, paletteOf } from './look.ts';

export type Fact = {
  readonly label: string;
  readonly value: string;
  /** Coloured by it; what must hold is `good` when it does. */
  readonly mood?: 'good' | 'bad' | undefined;
};

/** A title and what is known, labels in one column. */
export function renderFacts(title: string, facts: readonly Fact[], look: Look): string {
  const colors = paletteOf(look);
  const width = facts.reduce((most, fact) => Math.max(most, fact.label.length), 0);
  const lines = facts.map((fact) => {
    const value =
      fact.mood === 'good'
        ? colors.green(fact.value)
        : fact.mood === 'bad'
          ? colors.red(fact.value)
          : fact.value;
    return `  ${colors.dim(fact.label.padEnd(width))}  ${value}`;
  });
  return [colors.bold(title), ...lines].join('\n');
}

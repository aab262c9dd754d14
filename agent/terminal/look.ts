import pc from 'picocolors';

/** What the place written to can show. */
export type Look = {
  readonly width: number;
  readonly color: boolean;
  /** Whether block and box characters come out; plain ASCII otherwise. */
  readonly unicode: boolean;
};

/** A stream as far as its look depends on it. */
type Screen = { readonly isTTY?: boolean; readonly columns?: number };

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Colour only on a terminal, and not with NO_COLOR set to anything (no-color.org) or TERM=dumb. Unicode by the
 * locale (LC_ALL, LC_CTYPE, LANG: the first that is set), also into files. 80 columns where nothing is said. The
 * width is that of the moment it is asked for: people resize their terminals.
 */
export function lookOf(screen: Screen, env: Environment): Look {
  const locale = [env.LC_ALL, env.LC_CTYPE, env.LANG].find((value) => value !== undefined && value !== '');
  return {
    get width() {
      const columns = screen.columns ?? 0;
      return columns > 0 ? Math.min(columns, widthMax) : 80;
    },
    color: screen.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb',
    unicode: /utf-?8/i.test(locale ?? ''),
  };
}

/** Beyond it charts only get sparse. */
const widthMax = 160;

export type Palette = ReturnType<typeof pc.createColors>;

export function paletteOf(look: Pick<Look, 'color'>): Palette {
  return pc.createColors(look.color);
}

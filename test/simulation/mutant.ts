/** One wrong idea: text of the compiled code, and what a careless hand might have put there. */
export type Mutant = { readonly name: string; readonly changes: readonly Change[] };
/** `file` below `consensus/`. */
type Change = { readonly file: string; readonly from: string; readonly to: string };

export function one(name: string, file: string, from: string, to: string): Mutant {
  return { name, changes: [{ file, from, to }] };
}

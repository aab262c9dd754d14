import { Integers, integers, Numbers, numbers } from './memory';

/**
 * The problem as it was given, matrices by columns, and the room for its answer. Written by the host;
 * q, l and u may be written again between two solves.
 */

export let n: i32 = 0;
export let m: i32 = 0;
/** Upper triangle of P. */
export let pStart: Integers = changetype<Integers>(0);
export let pRow: Integers = changetype<Integers>(0);
export let pValue: Numbers = changetype<Numbers>(0);
export let aStart: Integers = changetype<Integers>(0);
export let aRow: Integers = changetype<Integers>(0);
export let aValue: Numbers = changetype<Numbers>(0);
export let q: Numbers = changetype<Numbers>(0);
export let l: Numbers = changetype<Numbers>(0);
export let u: Numbers = changetype<Numbers>(0);
export let x: Numbers = changetype<Numbers>(0);
export let y: Numbers = changetype<Numbers>(0);
/** Length of the longer of x and y. */
export let certificate: Numbers = changetype<Numbers>(0);

export function makeRoom(variables: i32, constraints: i32, pEntries: i32, aEntries: i32): void {
  n = variables;
  m = constraints;
  pStart = integers(n + 1);
  pRow = integers(pEntries);
  pValue = numbers(pEntries);
  aStart = integers(n + 1);
  aRow = integers(aEntries);
  aValue = numbers(aEntries);
  q = numbers(n);
  l = numbers(m);
  u = numbers(m);
  x = numbers(n);
  y = numbers(m);
  certificate = numbers(max(n, m));
}

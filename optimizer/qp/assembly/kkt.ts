import { Bytes, bytes, Integers, integers, mark, Numbers, numbers, release } from './memory';
import { orderByMinimumDegree } from './ordering';
import { kept, keptAs } from './presolve';
import { aRow, aStart, aValue, m, n, pRow, pStart, pValue } from './problem';

/**
 * The symmetric matrix [P A'; A 0] in the order of elimination, and the structure of its factor. Variables
 * and kept rows are its `size` places; all vectors of the interior point method are laid out by place.
 */

export let size: i32 = 0;
export let placeOfVariable: Integers = changetype<Integers>(0);
export let placeOfRow: Integers = changetype<Integers>(0);
/** The variable at a variable's place, the row (as given) at a row's. */
export let givenAs: Integers = changetype<Integers>(0);
export let isRow: Bytes = changetype<Bytes>(0);

/** Strictly upper triangle by columns, as given, and the diagonal of P. */
export let start: Integers = changetype<Integers>(0);
export let row: Integers = changetype<Integers>(0);
export let value: Numbers = changetype<Numbers>(0);
export let diagonal: Numbers = changetype<Numbers>(0);

/** The factor by columns (rows ascending), and the columns that each of its rows meets (ascending). */
export let factorStart: Integers = changetype<Integers>(0);
export let factorRow: Integers = changetype<Integers>(0);
export let meetsStart: Integers = changetype<Integers>(0);
export let meets: Integers = changetype<Integers>(0);

export function analyse(): void {
  size = n + kept;
  placeOfVariable = integers(n);
  placeOfRow = integers(kept);
  givenAs = integers(size);
  isRow = bytes(size);
  start = integers(size + 1);
  factorStart = integers(size + 1);
  meetsStart = integers(size + 1);
  diagonal = numbers(size);

  const level = mark();
  const order = integers(size);
  {
    const graphStart = integers(size + 1);
    const edges = drawGraph(graphStart);
    orderByMinimumDegree(size, graphStart, edges, order);
  }
  setPlaces(order);
  release(level);

  const entries = countEntries();
  row = integers(entries);
  value = numbers(entries);
  fillEntries();

  const second = mark();
  const parent = integers(size);
  findTree(parent);
  const tidy = integers(size);
  postorder(parent, tidy);
  renumber(tidy);
  release(second);

  fillEntries();
  buildFactor();
}

function node(i: i32): i32 {
  const as = keptAs[i];
  return as < 0 ? -1 : n + as;
}

/** Adjacency of variables (0..n-1) and kept rows (n..), both directions, without the diagonal. */
function drawGraph(graphStart: Integers): Integers {
  graphStart.fill(size + 1, 0);
  for (let j = 0; j < n; j++) {
    for (let p = pStart[j]; p < pStart[j + 1]; p++) if (pRow[p] != j) countEdge(graphStart, pRow[p], j);
    for (let p = aStart[j]; p < aStart[j + 1]; p++) {
      const i = node(aRow[p]);
      if (i >= 0) countEdge(graphStart, i, j);
    }
  }
  const edges = integers(graphStart.accumulate(size));
  const fill = integers(size);
  fill.copy(graphStart, size);
  for (let j = 0; j < n; j++) {
    for (let p = pStart[j]; p < pStart[j + 1]; p++) if (pRow[p] != j) addEdge(edges, fill, pRow[p], j);
    for (let p = aStart[j]; p < aStart[j + 1]; p++) {
      const i = node(aRow[p]);
      if (i >= 0) addEdge(edges, fill, i, j);
    }
  }
  return edges;
}

function countEdge(counts: Integers, a: i32, b: i32): void {
  counts[a] = counts[a] + 1;
  counts[b] = counts[b] + 1;
}

function addEdge(edges: Integers, fill: Integers, a: i32, b: i32): void {
  edges[fill[a]] = b;
  fill[a] = fill[a] + 1;
  edges[fill[b]] = a;
  fill[b] = fill[b] + 1;
}

function setPlaces(order: Integers): void {
  for (let k = 0; k < size; k++) {
    const at = order[k];
    if (at < n) placeOfVariable[at] = k;
    else placeOfRow[at - n] = k;
  }
}

function renumber(tidy: Integers): void {
  for (let j = 0; j < n; j++) placeOfVariable[j] = tidy[placeOfVariable[j]];
  for (let i = 0; i < kept; i++) placeOfRow[i] = tidy[placeOfRow[i]];
}

function countEntries(): i32 {
  let entries = 0;
  for (let j = 0; j < n; j++) {
    for (let p = pStart[j]; p < pStart[j + 1]; p++) if (pRow[p] != j) entries++;
    for (let p = aStart[j]; p < aStart[j + 1]; p++) if (keptAs[aRow[p]] >= 0) entries++;
  }
  return entries;
}

/** Writes every entry at its place; called again when the places, or the values, have changed. */
export function fillEntries(): void {
  start.fill(size + 1, 0);
  diagonal.fill(size, 0);
  for (let j = 0; j < n; j++) {
    const place = placeOfVariable[j];
    isRow[place] = 0;
    givenAs[place] = j;
    for (let p = pStart[j]; p < pStart[j + 1]; p++) {
      const other = placeOfVariable[pRow[p]];
      if (other == place) diagonal[place] = pValue[p];
      else start[max(place, other)] = start[max(place, other)] + 1;
    }
    for (let p = aStart[j]; p < aStart[j + 1]; p++) {
      const as = keptAs[aRow[p]];
      if (as < 0) continue;
      const other = placeOfRow[as];
      start[max(place, other)] = start[max(place, other)] + 1;
    }
  }
  for (let i = 0; i < m; i++) {
    const as = keptAs[i];
    if (as < 0) continue;
    isRow[placeOfRow[as]] = 1;
    givenAs[placeOfRow[as]] = i;
  }
  start.accumulate(size);
  for (let j = 0; j < n; j++) {
    const place = placeOfVariable[j];
    for (let p = pStart[j]; p < pStart[j + 1]; p++) {
      const other = placeOfVariable[pRow[p]];
      if (other != place) put(place, other, pValue[p]);
    }
    for (let p = aStart[j]; p < aStart[j + 1]; p++) {
      const as = keptAs[aRow[p]];
      if (as >= 0) put(place, placeOfRow[as], aValue[p]);
    }
  }
  for (let k = size; k > 0; k--) start[k] = start[k - 1];
  start[0] = 0;
}

function put(a: i32, b: i32, entry: f64): void {
  const column = max(a, b);
  const at = start[column];
  row[at] = min(a, b);
  value[at] = entry;
  start[column] = at + 1;
}

/** Elimination tree (Liu 1990), with path compression. */
function findTree(parent: Integers): void {
  const level = mark();
  const ancestor = integers(size);
  for (let k = 0; k < size; k++) {
    parent[k] = -1;
    ancestor[k] = -1;
    for (let p = start[k]; p < start[k + 1]; p++) {
      let i = row[p];
      while (i >= 0 && i < k) {
        const up = ancestor[i];
        ancestor[i] = k;
        if (up < 0) parent[i] = k;
        i = up;
      }
    }
  }
  release(level);
}

/** New numbers by a depth-first walk: the same fill, but columns that work together lie together. */
function postorder(parent: Integers, tidy: Integers): void {
  const level = mark();
  const child = integers(size);
  const sibling = integers(size);
  const stack = integers(size);
  child.fill(size, -1);
  for (let k = size - 1; k >= 0; k--) {
    const up = parent[k];
    if (up < 0) continue;
    sibling[k] = child[up];
    child[up] = k;
  }
  let number = 0;
  for (let top = 0; top < size; top++) {
    if (parent[top] >= 0) continue;
    let depth = 0;
    stack[depth++] = top;
    while (depth > 0) {
      const k = stack[depth - 1];
      const down = child[k];
      if (down >= 0) {
        child[k] = sibling[down];
        stack[depth++] = down;
      } else {
        tidy[k] = number++;
        depth--;
      }
    }
  }
  release(level);
}

/** Row k of the factor meets every column on the paths from the entries of column k up to k. */
function buildFactor(): void {
  const parent = integers(size);
  const seen = integers(size);
  findTree(parent);
  factorStart.fill(size + 1, 0);
  seen.fill(size, -1);
  for (let k = 0; k < size; k++) {
    seen[k] = k;
    for (let p = start[k]; p < start[k + 1]; p++) {
      for (let i = row[p]; seen[i] != k; i = parent[i]) {
        seen[i] = k;
        factorStart[i] = factorStart[i] + 1;
      }
    }
  }
  const entries = factorStart.accumulate(size);
  factorRow = integers(entries);
  meets = integers(entries);
  meetsStart.fill(size + 1, 0);
  seen.fill(size, -1);
  const fill = integers(size);
  fill.copy(factorStart, size);
  for (let k = 0; k < size; k++) {
    seen[k] = k;
    for (let p = start[k]; p < start[k + 1]; p++) {
      for (let i = row[p]; seen[i] != k; i = parent[i]) {
        seen[i] = k;
        factorRow[fill[i]] = k;
        fill[i] = fill[i] + 1;
        meetsStart[k] = meetsStart[k] + 1;
      }
    }
  }
  meetsStart.accumulate(size);
  fill.copy(meetsStart, size);
  for (let i = 0; i < size; i++) {
    for (let p = factorStart[i]; p < factorStart[i + 1]; p++) {
      const k = factorRow[p];
      meets[fill[k]] = i;
      fill[k] = fill[k] + 1;
    }
  }
}

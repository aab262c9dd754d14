import { Bytes, bytes, Integers, integers } from './memory';

/**
 * Fill-reducing order by approximate minimum degree on a quotient graph (Amestoy, Davis, Duff 1996, "An
 * approximate minimum degree ordering algorithm"): eliminated nodes become elements, nodes that cannot be
 * told apart are merged, and of two equal degrees the one linked last goes first, so that the order depends on
 * the graph alone.
 */
export function orderByMinimumDegree(nodes: i32, start: Integers, list: Integers, order: Integers): void {
  prepare(nodes, start, list);
  setDenseAside(start);
  while (eliminated < live) {
    while (head[least] < 0) least++;
    const pivot = head[least];
    unlink(pivot);
    formElement(pivot);
    measureElements(pivot);
    updateNeighbours(pivot);
    mergeTwins(pivot);
    closeElement(pivot);
    order[pivots++] = pivot;
  }
  unfold(order);
}

const VARIABLE: u8 = 0;
const ABSORBED: u8 = 1;
const ELEMENT: u8 = 2;
const DEAD: u8 = 3;

let count: i32 = 0;
/** Nodes to be eliminated one by one, dense ones left out; and those already gone, members counted. */
let live: i32 = 0;
let eliminated: i32 = 0;
let pivots: i32 = 0;
let kind: Bytes = changetype<Bytes>(0);

/** A node's list: its elements first, then its variables. An element's list: its variables. */
let begin: Integers = changetype<Integers>(0);
let length: Integers = changetype<Integers>(0);
let elements: Integers = changetype<Integers>(0);
let lists: Integers = changetype<Integers>(0);
let spare: Integers = changetype<Integers>(0);
let room: i32 = 0;
let free: i32 = 0;

/** Members of a merged variable; negative while it belongs to the element being formed; 0 when absorbed. */
let weight: Integers = changetype<Integers>(0);
/** Of a variable: bound on its external degree. Of an element: its members, weighted. */
let degree: Integers = changetype<Integers>(0);
/** Stamps at or above `stampNow` belong to the present step. */
let stamp: Integers = changetype<Integers>(0);
let stampNow: i32 = 0;
let largestElement: i32 = 0;

/** Variables by degree, doubly linked. */
let head: Integers = changetype<Integers>(0);
let next: Integers = changetype<Integers>(0);
let previous: Integers = changetype<Integers>(0);
let least: i32 = 0;

/** Twins are looked for among variables of one hash. */
let bucket: Integers = changetype<Integers>(0);
let bucketNext: Integers = changetype<Integers>(0);
let hashOf: Integers = changetype<Integers>(0);

/** What was merged into a node, as a chain of chains: emitted right after it. */
let absorbedFirst: Integers = changetype<Integers>(0);
let absorbedNext: Integers = changetype<Integers>(0);
let denseFirst: i32 = -1;

function prepare(nodes: i32, start: Integers, list: Integers): void {
  count = nodes;
  const edges = start[nodes];
  // A new element coexists with those it replaces for a moment: it has fewer members than there are nodes.
  room = edges + (edges >> 1) + nodes + 1;
  kind = bytes(nodes);
  begin = integers(nodes);
  length = integers(nodes);
  elements = integers(nodes);
  lists = integers(room);
  spare = integers(room);
  weight = integers(nodes);
  degree = integers(nodes);
  stamp = integers(nodes);
  head = integers(nodes + 1);
  next = integers(nodes);
  previous = integers(nodes);
  bucket = integers(nodes + 1);
  bucketNext = integers(nodes);
  hashOf = integers(nodes);
  absorbedFirst = integers(nodes);
  absorbedNext = integers(nodes);
  lists.copy(list, edges);
  free = edges;
  elements.fill(nodes, 0);
  stamp.fill(nodes, 0);
  stampNow = 1;
  largestElement = 0;
  head.fill(nodes + 1, -1);
  bucket.fill(nodes + 1, -1);
  absorbedFirst.fill(nodes, -1);
  denseFirst = -1;
  live = nodes;
  eliminated = 0;
  pivots = 0;
  least = 0;
  for (let i = 0; i < nodes; i++) {
    kind[i] = VARIABLE;
    begin[i] = start[i];
    length[i] = start[i + 1] - start[i];
    weight[i] = 1;
  }
}

/** A node with very many neighbours would be visited at every step and change nothing: it goes last. */
function setDenseAside(start: Integers): void {
  const dense = max<i32>(16, <i32>(10 * sqrt<f64>(<f64>count)));
  for (let i = count - 1; i >= 0; i--) {
    degree[i] = length[i];
    if (length[i] > dense) {
      kind[i] = ABSORBED;
      weight[i] = 0;
      absorbedNext[i] = denseFirst;
      denseFirst = i;
      live--;
    }
  }
  for (let i = count - 1; i >= 0; i--) if (weight[i] > 0) link(i, degree[i]);
}

function link(i: i32, atDegree: i32): void {
  const first = head[atDegree];
  next[i] = first;
  previous[i] = -1;
  if (first >= 0) previous[first] = i;
  head[atDegree] = i;
  degree[i] = atDegree;
  if (atDegree < least) least = atDegree;
}

function unlink(i: i32): void {
  const after = next[i];
  const before = previous[i];
  if (after >= 0) previous[after] = before;
  if (before >= 0) next[before] = after;
  else head[degree[i]] = after;
}

/** The pivot becomes an element whose members are all variables it met, by itself or by its elements. */
function formElement(pivot: i32): void {
  if (free + degree[pivot] + 1 > room) compact();
  weight[pivot] = -weight[pivot];
  const from = free;
  let size = 0;
  const first = begin[pivot];
  const last = first + length[pivot];
  const variablesFrom = first + elements[pivot];
  for (let p = first; p < variablesFrom; p++) {
    const e = lists[p];
    if (kind[e] != ELEMENT) continue;
    size += take(begin[e], begin[e] + length[e]);
    kind[e] = DEAD;
  }
  size += take(variablesFrom, last);
  kind[pivot] = ELEMENT;
  begin[pivot] = from;
  length[pivot] = free - from;
  degree[pivot] = size;
  largestElement = max(largestElement, size);
}

function take(from: i32, to: i32): i32 {
  let size = 0;
  for (let p = from; p < to; p++) {
    const v = lists[p];
    const w = weight[v];
    if (w <= 0) continue;
    weight[v] = -w;
    size += w;
    unlink(v);
    lists[free++] = v;
  }
  return size;
}

/** Every element that shares members with the pivot's is stamped with how many it has besides. */
function measureElements(pivot: i32): void {
  if (stampNow > i32.MAX_VALUE - 2 * count - 4) {
    stamp.fill(count, 0);
    stampNow = 1;
  }
  const end = begin[pivot] + length[pivot];
  for (let p = begin[pivot]; p < end; p++) {
    const i = lists[p];
    const w = -weight[i];
    const to = begin[i] + elements[i];
    for (let s = begin[i]; s < to; s++) {
      const e = lists[s];
      if (kind[e] != ELEMENT) continue;
      stamp[e] = (stamp[e] >= stampNow ? stamp[e] : degree[e] + stampNow) - w;
    }
  }
}

/** Lists lose what the new element covers; degrees are bounded anew; who has nothing else goes with it. */
function updateNeighbours(pivot: i32): void {
  const end = begin[pivot] + length[pivot];
  for (let p = begin[pivot]; p < end; p++) {
    const i = lists[p];
    const from = begin[i];
    const elementsTo = from + elements[i];
    const to = from + length[i];
    let write = from;
    let bound = 0;
    let hash: u32 = 0;
    for (let s = from; s < elementsTo; s++) {
      const e = lists[s];
      if (kind[e] != ELEMENT) continue;
      const besides = stamp[e] - stampNow;
      if (besides > 0) {
        bound += besides;
        hash += <u32>e;
        lists[write++] = e;
      } else kind[e] = DEAD;
    }
    const variablesFrom = write;
    for (let s = elementsTo; s < to; s++) {
      const v = lists[s];
      const w = weight[v];
      if (w <= 0) continue;
      bound += w;
      hash += <u32>v;
      lists[write++] = v;
    }
    if (write == from) {
      const w = -weight[i];
      weight[pivot] -= w;
      degree[pivot] -= w;
      absorb(i, pivot);
      continue;
    }
    degree[i] = min(degree[i], bound);
    lists[write] = lists[variablesFrom];
    lists[variablesFrom] = lists[from];
    lists[from] = pivot;
    elements[i] = variablesFrom - from + 1;
    length[i] = write - from + 1;
    const place = <i32>(hash % <u32>count);
    hashOf[i] = place;
    bucketNext[i] = bucket[place];
    bucket[place] = i;
  }
  stampNow += largestElement + 1;
}

function absorb(i: i32, into: i32): void {
  weight[i] = 0;
  kind[i] = ABSORBED;
  absorbedNext[i] = absorbedFirst[into];
  absorbedFirst[into] = i;
}

/** Variables with the same lists will fill in the same places: they become one. */
function mergeTwins(pivot: i32): void {
  const end = begin[pivot] + length[pivot];
  for (let p = begin[pivot]; p < end; p++) {
    if (weight[lists[p]] == 0) continue;
    const place = hashOf[lists[p]];
    let i = bucket[place];
    bucket[place] = -1;
    for (; i >= 0 && bucketNext[i] >= 0; i = bucketNext[i]) {
      const to = begin[i] + length[i];
      for (let s = begin[i]; s < to; s++) stamp[lists[s]] = stampNow;
      let before = i;
      for (let j = bucketNext[i]; j >= 0; j = bucketNext[j]) {
        if (isTwin(i, j)) {
          weight[i] += weight[j];
          absorb(j, i);
          bucketNext[before] = bucketNext[j];
        } else before = j;
      }
      stampNow++;
    }
  }
}

function isTwin(i: i32, j: i32): bool {
  if (length[j] != length[i] || elements[j] != elements[i]) return false;
  const to = begin[j] + length[j];
  for (let s = begin[j]; s < to; s++) if (stamp[lists[s]] != stampNow) return false;
  return true;
}

/** Members go back to the degree lists; the element keeps those that are left. */
function closeElement(pivot: i32): void {
  const members = -weight[pivot];
  weight[pivot] = members;
  eliminated += members;
  const size = degree[pivot];
  const left = live - eliminated;
  const end = begin[pivot] + length[pivot];
  let write = begin[pivot];
  for (let p = begin[pivot]; p < end; p++) {
    const i = lists[p];
    const w = -weight[i];
    if (w == 0) continue;
    weight[i] = w;
    link(i, max(0, min(degree[i] + size - w, left - w)));
    lists[write++] = i;
  }
  length[pivot] = write - begin[pivot];
  free = write;
  if (length[pivot] == 0) kind[pivot] = DEAD;
}

/** Living lists are copied together into the spare room. */
function compact(): void {
  let write = 0;
  for (let i = 0; i < count; i++) {
    if (kind[i] != VARIABLE && kind[i] != ELEMENT) continue;
    const from = begin[i];
    const to = from + length[i];
    begin[i] = write;
    for (let p = from; p < to; p++) spare[write++] = lists[p];
  }
  const old = lists;
  lists = spare;
  spare = old;
  free = write;
}

/** Each pivot is followed by what was merged into it, and the dense nodes end the order. */
function unfold(order: Integers): void {
  const chosen = next;
  chosen.copy(order, pivots);
  const stack = previous;
  let write = 0;
  for (let k = 0; k < pivots; k++) {
    let depth = 0;
    stack[depth++] = chosen[k];
    while (depth > 0) {
      const i = stack[--depth];
      order[write++] = i;
      for (let j = absorbedFirst[i]; j >= 0; j = absorbedNext[j]) stack[depth++] = j;
    }
  }
  for (let i = denseFirst; i >= 0; i = absorbedNext[i]) order[write++] = i;
}

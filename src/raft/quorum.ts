/** How many of `voters` make a majority. */
export function majorityOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/**
 * The largest value that a majority has reached, one value a voter: the index that a majority
 * holds, or the time since which a majority has been heard. Sorts in place: `values` is scratch
 * space.
 */
export function reachedByMajority(values: Float64Array): number {
  values.sort();
  // Ascending: the majority is the upper part, and its lowest member stands here.
  return values[values.length - majorityOf(values.length)]!;
}

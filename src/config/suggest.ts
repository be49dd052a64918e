/** The nearest of `known` to what somebody typed, when it is near enough to be meant. */
export function nearest(typed: string, known: Iterable<string>): string | undefined {
  const wanted = bare(typed)
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(wanted.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(wanted, bare(candidate))
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/** ` (did you mean --rpc-port?)`, or nothing. */
export function didYouMean(typed: string, known: Iterable<string>): string {
  const found = nearest(typed, known)
  return found === undefined ? '' : ` (did you mean ${found}?)`
}

/** Case and separators are what people get wrong most. At most 64 characters: the cost is quadratic. */
function bare(text: string): string {
  return text.slice(0, 64).toLowerCase().replaceAll(/[-_.]/g, '')
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1))
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        cost = Math.min(cost, beforeLast[column - 2]! + 1)
      }
      current.push(cost)
    }
    beforeLast = last
    last = current
  }
  return last[b.length]!
}

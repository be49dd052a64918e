/**
 * Between which values the true median lies, in 95 of 100 such measurements, whatever the samples' distribution: those
 * ranks between which the number of samples below it, a coin thrown for each, is that often. The least and the greatest
 * where there are too few samples for more.
 */
export function medianBetween(samples: readonly number[]): { readonly low: number; readonly high: number } {
  const sorted = Float64Array.from(samples).sort()
  const count = sorted.length
  let rank = 0
  let chance = 0.5 ** count
  for (let below = chance; below <= 0.025; below += chance) {
    rank++
    chance *= (count - rank + 1) / rank
  }
  const at = Math.max(0, rank - 1)
  return { low: sorted[at] ?? Number.NaN, high: sorted[count - 1 - at] ?? Number.NaN }
}

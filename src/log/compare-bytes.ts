/** Below, at or above 0 as `a` sorts before, with or behind what `b` holds from `from` up to `to`; a prefix sorts first. */
export function compareBytes(a: Uint8Array, b: Uint8Array, from: number, to: number): number {
  const length = Math.min(a.length, to - from)
  for (let at = 0; at < length; at++) {
    const difference = (a[at] as number) - (b[from + at] as number)
    if (difference !== 0) return difference
  }
  return a.length - (to - from)
}

/** Ctrl-C and SIGTERM: the first one asks a command to come to its end, a second one ends it at once. */

/** `stop` is called once. Returns what restores the default behaviour. */
export function onInterrupt(stop: (signal: 'SIGINT' | 'SIGTERM', exitCode: number) => void): () => void {
  let asked = false
  const listeners = (['SIGINT', 'SIGTERM'] as const).map((signal) => {
    const exitCode = signal === 'SIGINT' ? 130 : 143
    const listener = () => {
      if (asked) process.exit(exitCode)
      asked = true
      stop(signal, exitCode)
    }
    process.on(signal, listener)
    return () => process.off(signal, listener)
  })
  return () => {
    for (const off of listeners) off()
  }
}

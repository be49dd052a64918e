/** What the topics of a data folder of `make-folder.ts` hold, one value a record. */
export function valuesOfTopic(topic: 'many' | 'few'): string[] {
  const length = topic === 'many' ? 40 : 5
  return Array.from({ length }, (_, n) => `${topic} ${n} `.padEnd(100 + 10 * (n % 7), 'x'))
}

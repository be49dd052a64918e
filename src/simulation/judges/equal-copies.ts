import { allMayGo, type Finding, type Judge } from './judge.ts'

/** Once all is quiet every node has on its disk all of every log that anybody has, without a gap. */
export function equalCopies(): Judge {
  return {
    name: 'equalCopies',
    rests({ universe, live }) {
      const findings: Finding[] = []
      for (const log of universe.logs.keys()) {
        const sound = live.filter(({ disk }) => !universe.isUnsound(disk))
        const copies = sound.map(({ node, bounds }) => ({ node, bounds: bounds(log) }))
        const ends = copies.flatMap(({ bounds }) => bounds?.end ?? [])
        if (ends.length === 0) continue
        const longest = Math.max(...ends)
        for (const { node, bounds: { start, end, gapAt } = { start: 0, end: 0, gapAt: undefined } } of copies) {
          if (gapAt !== undefined) findings.push({ node, reason: `its copy of ${log} has a gap before ${gapAt}` })
          const mayLack = end < longest && allMayGo(universe, log, end, longest)
          if (end < longest && !mayLack)
            findings.push({ node, reason: `its copy of ${log} ends at ${end}, another at ${longest}` })
          if (start > 0 && !allMayGo(universe, log, 0, start)) {
            findings.push({ node, reason: `its copy of ${log} begins at ${start}` })
          }
        }
      }
      return findings
    },
  }
}

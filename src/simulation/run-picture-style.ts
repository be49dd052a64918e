/** The colours of pictures of runs, by light and by dark: those of the drawings of the machines, and a few more. */

import { dark, light } from '../../machines/drawings/style.ts'

const day = { ...light, bad: '#dc2626', badText: '#b91c1c', slow: '#d97706', cut: '#f59e0b', weather: '#64748b' }
const night = { ...dark, bad: '#ef4444', badText: '#fca5a5', slow: '#fbbf24', cut: '#f59e0b', weather: '#94a3b8' }

const shapes = `
.run{font-family:'DejaVu Sans',Verdana,Geneva,sans-serif;font-size:10px}
.run .title{font-size:17px;font-weight:bold}
.run .subtitle,.run .brokenText{font-size:11px}
.run .name{font-size:12px;font-weight:bold}
.run .in{font-size:9.5px}
.run .number{font-size:9.5px;font-weight:bold;text-anchor:middle}
.run .middle{text-anchor:middle}
.run .end{text-anchor:end}
.run .down{stroke-width:1.4;stroke-dasharray:2 4}
.run .moment{stroke-dasharray:4 3}
.run .brokenLine{stroke-dasharray:2 3}
.run .band{fill-opacity:.13}
.run .bar.cut,.run .bar.weather{fill-opacity:.22}
.run .area{fill-opacity:.16}
.run .curve{fill:none;stroke-width:1.4;stroke-linejoin:round}`

function rules(c: typeof day): string {
  return `
.run .paper{fill:${c.paper};stroke:${c.frame}}
.run .title,.run .name{fill:${c.name}}
.run .title.bad{fill:${c.badText}}
.run .subtitle,.run .tick{fill:${c.faint}}
.run .rule,.run .grid{stroke:${c.rule}}
.run .axis{stroke:${c.line}}
.run .life.up{fill:${c.entry}}
.run .life.starting{fill:${c.hot};fill-opacity:.45}
.run .life.stopping{fill:${c.entry};fill-opacity:.4}
.run .life.paused{fill:${c.slow}}
.run .down{stroke:${c.line}}
.run .band,.run .bar.cut{fill:${c.cut}}
.run .bar.weather{fill:${c.weather}}
.run .bar.disk{fill:${c.invoke}}
.run .begins{fill:${c.invoke}}
.run .in{fill:${c.text}}
.run .mark{fill:${c.text}}
.run .moment{stroke:${c.hot}}
.run .momentText{fill:${c.hotText}}
.run .area{fill:${c.hot}}
.run .curve{stroke:${c.hot}}
.run .broken{fill:${c.bad}}
.run .brokenLine{stroke:${c.bad}}
.run .brokenText{fill:${c.badText}}
.run .number{fill:#ffffff}`
}

export const pictureStyle = `${shapes}${rules(day)}
@media (prefers-color-scheme:dark){${rules(night)}
}
`

/** Text for SVG: no sign of XML's own, and none that XML has not. */
export function escaped(text: string): string {
  const clean = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
  return clean.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

/** The colours of the drawings, by light and by dark. A page that embeds one lights it by the class names below. */

export const light = {
  paper: '#ffffff',
  frame: '#d8dee8',
  group: '#f6f8fb',
  box: '#ffffff',
  border: '#77869c',
  rule: '#e6ebf2',
  name: '#1f2937',
  text: '#475569',
  faint: '#586880',
  line: '#73839a',
  error: '#b86a6a',
  errorText: '#a14a4a',
  errorFill: '#fdf4f4',
  errorBorder: '#f0dcdc',
  label: '#f1f5f9',
  labelBorder: '#e2e8f0',
  invoke: '#7c3aed',
  entry: '#0f8a75',
  dot: '#475569',
  activeBorder: '#4f82e6',
  activeFill: '#f6f9ff',
  leafFill: '#dbeafe',
  hot: '#2563eb',
  hotText: '#1d4ed8',
}

export const dark: typeof light = {
  paper: '#0f141c',
  frame: '#2a3442',
  group: '#131a24',
  box: '#1b2431',
  border: '#6e7c92',
  rule: '#263040',
  name: '#e5eaf1',
  text: '#aab6c6',
  faint: '#93a0b3',
  line: '#6b7a90',
  error: '#9c5f62',
  errorText: '#d99a9a',
  errorFill: '#251b21',
  errorBorder: '#46303a',
  label: '#1e2733',
  labelBorder: '#303b4b',
  invoke: '#a98bf7',
  entry: '#4cc3ac',
  dot: '#aab6c6',
  activeBorder: '#4a74cc',
  activeFill: '#141f33',
  leafFill: '#1c3561',
  hot: '#60a5fa',
  hotText: '#93c5fd',
}

/**
 * `.state.active`: the state is active; `.leaf` stands on states without children. `.edge.hot`, `.label.hot`,
 * `.on.hot`: the transition was just taken.
 */
export function rules(c: Readonly<Record<keyof typeof light, string>>): string {
  return `
.chart .state>.body{fill:${c.box};stroke:${c.border}}
.chart .state>.inner{stroke:${c.border}}
.chart .compound>.body,.chart .parallel>.body{fill:${c.group}}
.chart .root>.body{fill:${c.paper};stroke:${c.frame}}
.chart .rule{stroke:${c.rule}}
.chart .label .rule{stroke:${c.labelBorder}}
.chart .name,.chart .title{fill:${c.name}}
.chart .description{fill:${c.faint}}
.chart .row{fill:${c.text}}
.chart .rest,.chart .action{fill:${c.faint}}
.chart .invoke,.chart .invoke .row{fill:${c.invoke}}
.chart .sign{fill:${c.entry}}
.chart .invoke .sign{fill:${c.invoke}}
.chart .again .sign{fill:${c.line}}
.chart .again .turn{stroke:${c.line}}
.chart .edge{stroke:${c.line}}
.chart .edge .head{fill:${c.line}}
.chart .edge.error{stroke:${c.error}}
.chart .edge.error .head{fill:${c.error}}
.chart .label>rect{fill:${c.label};stroke:${c.labelBorder}}
.chart .event{fill:${c.text}}
.chart .label.error>rect{fill:${c.errorFill};stroke:${c.errorBorder}}
.chart .label.error .event{fill:${c.errorText}}
.chart .initial{fill:${c.dot}}
.chart .any{fill:${c.box};stroke:${c.dot}}
.chart .state.active>.body{stroke:${c.activeBorder};fill:${c.activeFill}}
.chart .root.active>.body{fill:${c.paper}}
.chart .state.active>.inner{stroke:${c.activeBorder}}
.chart .state.active.leaf>.body{fill:${c.leafFill};stroke:${c.hot}}
.chart .state.active .name,.chart .state.active .title{fill:${c.hotText}}
.chart .edge.hot{stroke:${c.hot}}
.chart .edge.hot .head{fill:${c.hot}}
.chart .label.hot>rect{stroke:${c.hot}}
.chart .on.hot{fill:${c.hotText}}`
}

export const shapes = `
.chart{font-family:'DejaVu Sans',Verdana,Geneva,sans-serif}
.chart .body,.chart .inner{stroke-width:1.4}
.chart .inner{fill:none}
.chart .region>.body{stroke-dasharray:6 4}
.chart .name{font-size:13px;font-weight:bold}
.chart .title{font-size:17px;font-weight:bold}
.chart .description,.chart .row,.chart .event{font-size:11px}
.chart .rest,.chart .action{font-size:10.5px}
.chart .rule,.chart .turn{fill:none}
.chart .turn{stroke-width:1.4}
.chart .edge{fill:none;stroke-width:1.4;stroke-linejoin:round}
.chart .edge .head{stroke:none}
.chart .any{stroke-width:1.6}
.chart .state.active>.body{stroke-width:1.6}
.chart .state.active.leaf>.body{stroke-width:2.2}
.chart .edge.hot{stroke-width:2.4}
.chart .label.hot>rect{stroke-width:1.6}`

export const style = `${shapes}${rules(light)}
@media (prefers-color-scheme:dark){${rules(dark)}
}
`

// Shows one dashboard, as its file has it, at `window.dashboard` and `window.times`.

import { createTheme, getValueFormats, ThemeContext } from '@grafana/data';
import { config } from '@grafana/runtime';
import {
  CustomVariable,
  DataSourceVariable,
  EmbeddedScene,
  QueryVariable,
  SceneControlsSpacer,
  SceneDataTransformer,
  SceneGridItem,
  SceneGridLayout,
  SceneGridRow,
  SceneQueryRunner,
  SceneTimePicker,
  SceneTimeRange,
  SceneVariableSet,
  VariableValueSelectors,
  VizPanel,
  sceneGraph,
} from '@grafana/scenes';
import { GlobalStyles, PortalContainer } from '@grafana/ui';
import { createRoot } from 'react-dom/client';
import { MemoryRouter } from 'react-router-dom';
import React from 'react';

import { asked, show, start } from './grafana';

declare global {
  interface Window {
    dashboard: any;
    times: { from: number; to: number };
    asked: string[];
    problems: string[];
    units: string[];
    links: () => Array<{ panel: string; url: string }>;
  }
}

window.problems = [];
window.asked = asked;
window.units = getValueFormats().flatMap((group) => group.submenu?.map(({ value }: any) => value) ?? []);

function variable(json: any) {
  const { name, label, hide, description } = json;
  const common = { name, label, hide, description, skipUrlSync: true };
  switch (json.type) {
    case 'datasource':
      return new DataSourceVariable({ ...common, pluginId: json.query, value: 'prometheus', text: 'Prometheus' });
    case 'query':
      return new QueryVariable({
        ...common,
        datasource: json.datasource,
        query: json.query,
        refresh: json.refresh,
        sort: json.sort,
        regex: json.regex,
        isMulti: json.multi,
        includeAll: json.includeAll,
        allValue: json.allValue,
        value: json.current?.value ?? '',
        text: json.current?.text ?? '',
      });
    case 'custom':
      return new CustomVariable({ ...common, query: json.query, value: json.current.value, text: json.current.text });
    default:
      throw new Error(`no variable ${json.type}`);
  }
}

function panel(json: any) {
  const runner = new SceneQueryRunner({ datasource: json.datasource, queries: json.targets, maxDataPoints: 400 });
  const data = json.transformations.length
    ? new SceneDataTransformer({ $data: runner, transformations: json.transformations })
    : runner;
  const { x, y, w, h } = json.gridPos;
  return new SceneGridItem({
    key: `grid-${json.id}`,
    x,
    y,
    width: w,
    height: h,
    body: new VizPanel({
      key: `panel-${json.id}`,
      title: json.title,
      description: json.description,
      pluginId: json.type,
      pluginVersion: '13.2.2',
      options: json.options,
      fieldConfig: json.fieldConfig,
      $data: data,
    }),
  });
}

function scene(json: any) {
  const rows: SceneGridRow[] = [];
  for (const one of json.panels) {
    if (one.type === 'row') {
      rows.push(new SceneGridRow({ key: `row-${one.id}`, title: one.title, x: 0, y: one.gridPos.y, isCollapsed: false, isCollapsible: true, children: [] }));
    } else {
      const row = rows[rows.length - 1];
      row.setState({ children: [...row.state.children, panel(one)] });
    }
  }
  return new EmbeddedScene({
    $timeRange: new SceneTimeRange({
      from: new Date(window.times.from * 1000).toISOString(),
      to: new Date(window.times.to * 1000).toISOString(),
      timeZone: 'utc',
    }),
    $variables: new SceneVariableSet({ variables: json.templating.list.map(variable) }),
    body: new SceneGridLayout({ isDraggable: false, isResizable: false, children: rows }),
    controls: [new VariableValueSelectors({}), new SceneControlsSpacer(), new SceneTimePicker({})],
  });
}

/** Where every link of every value that is shown leads, as Grafana fills it in. */
function links() {
  const all: Array<{ panel: string; url: string }> = [];
  const panels = sceneGraph.findAllObjects(sceneGraph.getAncestor(first!, EmbeddedScene), (one) => one instanceof VizPanel) as VizPanel[];
  for (const one of panels) {
    const data = sceneGraph.getData(one).state.data;
    const shown = data ? one.applyFieldConfig(data) : undefined;
    for (const frame of shown?.series ?? []) {
      for (const field of frame.fields) {
        for (let row = 0; row < frame.length; row++) {
          for (const link of field.getLinks?.({ valueRowIndex: row }) ?? []) {
            all.push({ panel: one.state.title, url: link.href });
          }
        }
      }
    }
  }
  return all;
}

let first: VizPanel | undefined;

try {
  config.theme2 = createTheme({ colors: { mode: 'dark' } });
  start();
  const shown = scene(window.dashboard);
  show(shown);
  shown.activate();
  first = sceneGraph.findObject(shown, (one) => one instanceof VizPanel) as VizPanel;
  window.links = links;
  createRoot(document.getElementById('root')!).render(
    <MemoryRouter>
      <ThemeContext.Provider value={config.theme2}>
        <GlobalStyles />
        <h1 style={{ font: '500 20px Inter, "DejaVu Sans", sans-serif', margin: '4px 0 2px' }}>{window.dashboard.title}</h1>
        <p style={{ margin: '0 0 8px', opacity: 0.8 }}>{window.dashboard.description}</p>
        <shown.Component model={shown} />
        <PortalContainer />
      </ThemeContext.Provider>
    </MemoryRouter>
  );
} catch (error) {
  window.problems.push(String(error instanceof Error ? error.stack : error));
}

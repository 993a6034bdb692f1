// What Grafana's core gives its libraries when it starts: data sources, a way to the back end, registries.
// Nothing of it draws; what is left out is not asked for by the panels that are drawn here.

import {
  type DataFrame,
  type DataQueryRequest,
  type DataQueryResponse,
  type DataSourceApi,
  type DataSourceInstanceSettings,
  EventBusSrv,
  type FieldConfigPropertyItem,
  LoadingState,
  type PanelData,
  type ScopedVars,
  booleanOverrideProcessor,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  identityOverrideProcessor,
  numberOverrideProcessor,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  toDataFrame,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';
import { PrometheusDatasource } from '@grafana/prometheus';
import {
  setAppEvents,
  setBackendSrv,
  setDataSourceSrv,
  setPluginImportUtils,
  setRunRequest,
  setTemplateSrv,
} from '@grafana/runtime';
import { initializeLoggersRegistry } from '@grafana/runtime/unstable';
import { type SceneObject, sceneGraph } from '@grafana/scenes';
import { type Observable, from, map, of, throwError } from 'rxjs';

import { plugins } from './panels';

/** How often Prometheus is said to scrape: what Grafana makes `$__rate_interval` of. */
const SCRAPE_SECONDS = 5;

/** What was asked, for the record that is kept beside the picture. */
export const asked: string[] = [];
/** The scene that is shown, for whoever asks for a variable without saying where. */
let shown: SceneObject | undefined;

export function show(scene: SceneObject) {
  shown = scene;
}

const settings = {
  id: 1,
  uid: 'prometheus',
  name: 'Prometheus',
  type: 'prometheus',
  access: 'proxy',
  url: '/prometheus',
  isDefault: true,
  readOnly: false,
  jsonData: { httpMethod: 'GET', timeInterval: `${SCRAPE_SECONDS}s`, prometheusType: 'Prometheus', prometheusVersion: '2.42.0' },
  meta: { id: 'prometheus', name: 'Prometheus', type: 'datasource', module: '', baseUrl: '', info: {} },
} as unknown as DataSourceInstanceSettings;

async function json(url: string): Promise<any> {
  const response = await fetch(url);
  const answer = await response.json();
  if (answer.status !== 'success') {
    throw new Error(`${url}: ${JSON.stringify(answer)}`);
  }
  return answer.data;
}

interface Query {
  refId: string;
  expr: string;
  format: string;
  instant: boolean;
  range: boolean;
  legendFormat?: string;
  intervalMs: number;
}

/** What Grafana's own back end does of a query: its variables of time, the step, frames of what is answered. */
async function answer(query: Query, fromMs: number, toMs: number) {
  const step = Math.max(SCRAPE_SECONDS, Math.ceil(query.intervalMs / 1000));
  const rate = Math.max(step + SCRAPE_SECONDS, 4 * SCRAPE_SECONDS);
  const range = Math.round((toMs - fromMs) / 1000);
  const expr = query.expr
    .replaceAll('$__rate_interval', `${rate}s`)
    .replaceAll('$__interval', `${step}s`)
    .replaceAll('$__range', `${range}s`);
  asked.push(expr);
  const to = toMs / 1000;
  const at = query.instant
    ? `query?time=${to}&query=${encodeURIComponent(expr)}`
    : `query_range?start=${Math.floor(fromMs / 1000 / step) * step}&end=${to}&step=${step}&query=${encodeURIComponent(expr)}`;
  const data = await json(`/prometheus/api/v1/${at}`);
  const frames = data.result.map((series: { metric: Record<string, string>; value?: [number, string]; values?: Array<[number, string]> }) => {
    const samples = series.values ?? [series.value!];
    const legend = query.legendFormat?.replace(/{{\s*(\w+)\s*}}/g, (_, label) => series.metric[label] ?? '');
    return {
      schema: {
        refId: query.refId,
        meta: { type: 'timeseries-multi', typeVersion: [0, 1], custom: { resultType: data.resultType }, executedQueryString: expr },
        fields: [
          { name: 'Time', type: 'time', config: { interval: step * 1000 } },
          { name: 'Value', type: 'number', labels: series.metric, config: { displayNameFromDS: legend } },
        ],
      },
      data: { values: [samples.map(([t]) => t * 1000), samples.map(([, v]) => Number(v))] },
    };
  });
  return { frames, status: 200 };
}

async function backend(options: { url: string; data?: any; params?: Record<string, any> }): Promise<any> {
  if (options.url.startsWith('/api/ds/query')) {
    const { queries, from, to } = options.data;
    const results: Record<string, unknown> = {};
    for (const query of queries as Query[]) {
      results[query.refId] = await answer(query, Number(from), Number(to));
    }
    return { results };
  }
  const resource = options.url.match(/^\/api\/datasources\/uid\/prometheus\/resources\/(.*)$/);
  if (resource) {
    const arguments_ = new URLSearchParams(options.params as Record<string, string>).toString();
    const url = `/prometheus/${resource[1]}${arguments_ ? `?${arguments_}` : ''}`;
    asked.push(decodeURIComponent(url));
    return { status: 'success', data: await json(url) };
  }
  throw new Error(`nobody answers ${options.url}`);
}

function registries() {
  const item = (id: string, process: any, more: Partial<FieldConfigPropertyItem<any, any, any>> = {}) =>
    ({ id, path: id, name: id, editor: () => null, override: () => null, process, shouldApply: () => true, settings: {}, ...more }) as any;
  standardFieldConfigEditorRegistry.setInit(() => [
    item('unit', unitOverrideProcessor),
    item('min', numberOverrideProcessor),
    item('max', numberOverrideProcessor),
    item('decimals', numberOverrideProcessor),
    item('displayName', displayNameOverrideProcessor),
    item('color', identityOverrideProcessor),
    item('noValue', stringOverrideProcessor),
    item('links', dataLinksOverrideProcessor),
    item('mappings', valueMappingsOverrideProcessor),
    item('thresholds', thresholdsOverrideProcessor),
    item('filterable', booleanOverrideProcessor),
  ]);
  const seen = new Set<string>();
  const all = Object.values(standardTransformers).filter(({ id }) => !seen.has(id) && seen.add(id));
  standardTransformersRegistry.setInit(() =>
    all.map((transformation) => ({ id: transformation.id, name: transformation.name, transformation: async () => transformation, editor: () => null }) as any)
  );
}

export function start() {
  initializeLoggersRegistry();
  registries();
  const templates = {
    replace(text?: string, scopedVars?: ScopedVars, format?: any) {
      const scene = (scopedVars?.__sceneObject?.value as any)?.valueOf?.() ?? shown;
      return scene && text ? sceneGraph.interpolate(scene, text, scopedVars, format) : (text ?? '');
    },
    getVariables: () => [],
    containsTemplate: (text?: string) => Boolean(text?.includes('$')),
    updateTimeRange() {},
    getAdhocFilters: () => [],
  };
  setAppEvents(new EventBusSrv() as any);
  setTemplateSrv(templates as any);
  setBackendSrv({
    fetch: (options: any): Observable<any> => from(backend(options)).pipe(map((data) => ({ data, status: 200, ok: true }))),
    get: (url: string, params?: any) => backend({ url, params }),
    post: (url: string, data?: any) => backend({ url, data }),
    datasourceRequest: () => throwError(() => new Error('not here')),
  } as any);
  const prometheus = new PrometheusDatasource(settings as any, templates as any);
  setDataSourceSrv({
    get: async () => prometheus,
    getList: () => [settings],
    getInstanceSettings: () => ({ ...settings, rawRef: { uid: 'prometheus', type: 'prometheus' } }),
    reload() {},
    registerRuntimeDataSource() {},
  } as any);
  setRunRequest((source: DataSourceApi, request: DataQueryRequest, queryFunction?: any): Observable<PanelData> => {
    const response = queryFunction ? queryFunction(request) : source.query(request);
    return from(response instanceof Promise ? response : of(response)).pipe(
      (input: any) => (response instanceof Promise ? input : (response as Observable<DataQueryResponse>)),
      map((packet: DataQueryResponse): PanelData => {
        const failed = packet.errors?.length || packet.error;
        if (failed) {
          throw new Error(JSON.stringify(packet.errors ?? packet.error));
        }
        const series: DataFrame[] = packet.data.map((one) => ('fields' in one ? toDataFrame(one) : one));
        return { state: LoadingState.Done, series, annotations: [], timeRange: request.range, request };
      })
    );
  });
  setPluginImportUtils({
    importPanelPlugin: async (id: string) => plugins[id] ?? Promise.reject(new Error(`no panel ${id}`)),
    getPanelPluginFromCache: (id: string) => plugins[id],
  } as any);
}

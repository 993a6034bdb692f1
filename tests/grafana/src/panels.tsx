// The panels, of Grafana's own components. What Grafana's core adds around them (editors, menus) is left out.
// `state-timeline` alone has no component in a library: its states are drawn here, with Grafana's words and colours for them.

import {
  type DataFrame,
  type DisplayValueAlignmentFactors,
  type FieldDisplay,
  FieldType,
  PanelPlugin,
  type PanelProps,
  cacheFieldDisplayNames,
  getDisplayValueAlignmentFactors,
  getFieldDisplayName,
  getFieldDisplayValues,
  identityOverrideProcessor,
} from '@grafana/data';
import { BarGaugeSizing, VizOrientation } from '@grafana/schema';
import { BarGauge, BigValue, TimeSeries, VizLegend, VizRepeater, useTheme2 } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import React from 'react';

/** What a panel shows that has nothing to show. */
function NoData({ fieldConfig }: { fieldConfig?: PanelProps['fieldConfig'] }) {
  const style = { display: 'flex', alignItems: 'center', justifyContent: 'center', height: '100%', opacity: 0.7 };
  return (
    <div style={style} data-no-value="">
      {fieldConfig?.defaults.noValue ?? 'No data'}
    </div>
  );
}

function values(props: PanelProps<any>, theme: ReturnType<typeof useTheme2>) {
  return () =>
    getFieldDisplayValues({
      fieldConfig: props.fieldConfig,
      reduceOptions: props.options.reduceOptions,
      replaceVariables: props.replaceVariables,
      theme,
      data: props.data.series,
      sparkline: false,
      timeZone: props.timeZone,
    });
}

function Stat(props: PanelProps<any>) {
  const theme = useTheme2();
  const { options } = props;
  return (
    <VizRepeater<FieldDisplay, DisplayValueAlignmentFactors>
      getValues={values(props, theme)}
      getAlignmentFactors={(all) => getDisplayValueAlignmentFactors(all)}
      renderValue={({ value, width, height, alignmentFactors, count, orientation }) => (
        <BigValue
          value={value.display}
          count={count}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          justifyMode={options.justifyMode}
          textMode={options.textMode}
          alignmentFactors={alignmentFactors}
          parentOrientation={orientation}
          wideLayout={options.wideLayout}
          text={options.text}
          width={width}
          height={height}
          theme={theme}
        />
      )}
      width={props.width}
      height={props.height}
      source={props.data}
      itemSpacing={3}
      renderCounter={props.renderCounter}
      autoGrid={true}
      orientation={options.orientation}
    />
  );
}

function Bars(props: PanelProps<any>) {
  const theme = useTheme2();
  const { options } = props;
  const automatic = options.sizing === BarGaugeSizing.Auto;
  return (
    <VizRepeater<FieldDisplay, DisplayValueAlignmentFactors>
      getValues={values(props, theme)}
      getAlignmentFactors={(all) => getDisplayValueAlignmentFactors(all)}
      renderValue={({ value, width, height, alignmentFactors, count, orientation }) => (
        <BarGauge
          value={value.display}
          width={width}
          height={height}
          orientation={orientation}
          field={value.field}
          text={options.text}
          display={value.view?.getFieldDisplayProcessor(value.colIndex ?? 0)}
          theme={theme}
          itemSpacing={8}
          displayMode={options.displayMode}
          alignmentFactors={count > 1 ? alignmentFactors : undefined}
          showUnfilled={options.showUnfilled}
          valueDisplayMode={options.valueMode}
          namePlacement={options.namePlacement}
        />
      )}
      width={props.width}
      height={props.height}
      source={props.data}
      itemSpacing={10}
      renderCounter={props.renderCounter}
      orientation={options.orientation ?? VizOrientation.Horizontal}
      minVizWidth={automatic ? undefined : options.minVizWidth}
      minVizHeight={options.minVizHeight}
      maxVizHeight={options.maxVizHeight}
    />
  );
}

const hasValues = (props: PanelProps) => props.data.series.some((frame) => frame.length > 0);

/** As Grafana's core has it: what is no number is a gap. */
function finite(frames: DataFrame[]): DataFrame[] {
  const gap = (value: unknown) => (typeof value === 'number' && !Number.isFinite(value) ? null : value);
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((field) => (field.type === FieldType.number ? { ...field, values: field.values.map(gap) } : field)),
  }));
}

function Graph(props: PanelProps<any>) {
  if (!hasValues(props)) {
    return <NoData fieldConfig={props.fieldConfig} />;
  }
  return (
    <TimeSeries
      frames={finite(props.data.series)}
      structureRev={props.data.structureRev}
      timeRange={props.timeRange}
      timeZone={props.timeZone}
      width={props.width}
      height={props.height}
      legend={props.options.legend}
      options={props.options}
    />
  );
}

function Table(props: PanelProps<any>) {
  const [frame] = props.data.series;
  if (!frame || frame.fields.length === 0 || !hasValues(props)) {
    return <NoData fieldConfig={props.fieldConfig} />;
  }
  cacheFieldDisplayNames(props.data.series);
  return (
    <TableNG
      data={frame}
      width={props.width}
      height={props.height}
      noHeader={!props.options.showHeader}
      cellHeight={props.options.cellHeight}
      sortBy={props.options.sortBy}
      timeRange={props.timeRange}
      fieldConfig={props.fieldConfig}
      noValue={props.fieldConfig.defaults.noValue}
      structureRev={props.data.structureRev}
      enableVirtualization={false}
      getActions={() => []}
      transparent={false}
    />
  );
}

/** Rows of states: as Grafana words and colours them, and where equal ones that follow each other are one. */
function Timeline(props: PanelProps<any>) {
  if (!hasValues(props)) {
    return <NoData fieldConfig={props.fieldConfig} />;
  }
  const rows = props.data.series.flatMap((frame) => {
    const time = frame.fields.find((field) => field.type === FieldType.time)!;
    const step = (time.config.interval ?? 5000) * 1.5;
    return frame.fields
      .filter((field) => field !== time)
      .map((field) => {
        const pieces: Array<{ from: number; to: number; text: string; color: string }> = [];
        for (let n = 0; n < frame.length; n++) {
          const [at, next] = [time.values[n], time.values[n + 1] ?? time.values[n] + step / 1.5];
          const { text, color } = field.display!(field.values[n]);
          const last = pieces[pieces.length - 1];
          const to = next - at > step ? at + step / 1.5 : next;
          if (last && last.text === text && last.to >= at) {
            last.to = to;
          } else {
            pieces.push({ from: at, to, text, color: color ?? '#888' });
          }
        }
        return { name: getFieldDisplayName(field, frame, props.data.series), pieces };
      });
  });
  const [from, to] = [props.timeRange.from.valueOf(), props.timeRange.to.valueOf()];
  const left = Math.min(props.width * 0.35, 16 + 7 * Math.max(...rows.map(({ name }) => name.length)));
  const [foot, legend] = [18, 30];
  const height = (props.height - foot - legend) / rows.length;
  const x = (at: number) => left + ((Math.max(at, from) - from) / (to - from)) * (props.width - left - 8);
  const words = new Map(rows.flatMap(({ pieces }) => pieces.map((piece) => [piece.text, piece.color] as const)));
  const parts = props.width < 600 ? 2 : 4;
  const ticks = Array.from({ length: parts + 1 }, (_, n) => from + ((to - from) * n) / parts);
  const style = { font: '12px Inter, "DejaVu Sans", sans-serif' };
  return (
    <div style={{ position: 'relative', width: props.width, height: props.height }}>
      <svg width={props.width} height={props.height - legend} style={style}>
        {rows.map(({ name, pieces }, row) => (
          <g key={name + row}>
            <text x={left - 8} y={(row + 0.5) * height + 4} textAnchor="end" fill="#ccccdc">
              {name}
            </text>
            {pieces.map((piece) => {
              const width = Math.max(1, x(piece.to) - x(piece.from));
              return (
                <g key={piece.from}>
                  <rect x={x(piece.from)} y={row * height + 2} width={width} height={Math.max(2, height - 4)} fill={piece.color} fillOpacity={0.8} />
                  {width > 8 * piece.text.length && height > 13 && (
                    <text x={x(piece.from) + 4} y={(row + 0.5) * height + 4} fill="#111217">
                      {piece.text}
                    </text>
                  )}
                </g>
              );
            })}
          </g>
        ))}
        {ticks.map((at, n) => (
          <text key={at} x={x(at)} y={props.height - legend - 4} fill="#9fa7b3" textAnchor={n === 0 ? 'start' : n === parts ? 'end' : 'middle'}>
            {new Date(at).toISOString().slice(11, 19)}
          </text>
        ))}
      </svg>
      <VizLegend
        displayMode={props.options.legend.displayMode}
        placement="bottom"
        items={[...words].map(([label, color]) => ({ label, color, yAxis: 1 }))}
      />
    </div>
  );
}

/** What Grafana's core registers of each panel's own settings: here those that the dashboards use. */
function custom(ids: string[]) {
  return {
    useCustomConfig(builder: any) {
      for (const id of ids) {
        builder.addCustomEditor({
          id,
          path: id,
          name: id,
          editor: () => null,
          override: () => null,
          process: identityOverrideProcessor,
          shouldApply: () => true,
        });
      }
    },
  };
}

const LINES = [
  'axisPlacement', 'axisSoftMax', 'drawStyle', 'fillOpacity', 'lineInterpolation', 'lineWidth', 'pointSize', 'scaleDistribution',
  'showPoints', 'spanNulls', 'stacking', 'thresholdsStyle', 'transform',
];
const CELLS = ['align', 'cellOptions', 'filterable', 'inspect', 'minWidth', 'width', 'wrapText'];

export const plugins: Record<string, PanelPlugin<any, any>> = {
  stat: new PanelPlugin(Stat).useFieldConfig(custom([])),
  bargauge: new PanelPlugin(Bars).useFieldConfig(custom([])),
  timeseries: new PanelPlugin(Graph).useFieldConfig(custom(LINES)),
  table: new PanelPlugin(Table).useFieldConfig(custom(CELLS)),
  'state-timeline': new PanelPlugin(Timeline).useFieldConfig(custom(['fillOpacity', 'lineWidth'])),
};

for (const [id, plugin] of Object.entries(plugins)) {
  plugin.meta = { id, name: id, type: 'panel', module: '', baseUrl: '', sort: 0, skipDataQuery: false, info: { version: '' } } as any;
}

// The chart library, of which only bars and lines are taken; loaded when a page has a chart.
import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use, type EChartsType } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([BarChart, LineChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

export interface Bar {
  label: string;
  value: number;
}

/** Bars from top to bottom in an element. */
export function bars(element: HTMLElement, data: readonly Bar[]): EChartsType {
  const chart = init(element);
  chart.setOption({
    animation: false,
    grid: { left: 4, right: 48, top: 4, bottom: 4, containLabel: true },
    tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, renderMode: "richText" },
    xAxis: { type: "value", show: false },
    yAxis: {
      type: "category", inverse: true, data: data.map((each) => each.label),
      axisLine: { show: false }, axisTick: { show: false }, axisLabel: { color: "#374151", fontSize: 13 },
    },
    series: [{
      type: "bar", data: data.map((each) => each.value), barMaxWidth: 18,
      itemStyle: { color: "#1d4ed8", borderRadius: [0, 4, 4, 0] },
      label: { show: true, position: "right", color: "#374151", fontSize: 13 },
    }],
  });
  return chart;
}

export interface Line {
  name: string;
  values: readonly number[];
}

/** Lines over the same days in an element: the first is the one that counts, the others lie behind. */
export function lines(element: HTMLElement, days: readonly string[], data: readonly Line[], shown: (value: number) => string): EChartsType {
  const chart = init(element);
  chart.setOption({
    animation: false,
    color: ["#1d4ed8", "#6b7280"],
    legend: { top: 0, right: 0, textStyle: { color: "#374151" } },
    grid: { left: 4, right: 12, top: 36, bottom: 4, containLabel: true },
    tooltip: { trigger: "axis", renderMode: "richText", valueFormatter: (value: unknown) => shown(Number(value)) },
    xAxis: { type: "category", data: [...days], boundaryGap: false, axisTick: { show: false }, axisLabel: { color: "#374151", hideOverlap: true } },
    yAxis: { type: "value", axisLabel: { color: "#374151", formatter: shown }, splitLine: { lineStyle: { color: "#e6e9ee" } } },
    series: data.map((each, place) => ({
      type: "line", name: each.name, data: [...each.values], showSymbol: days.length < 2, lineStyle: { width: 2, type: place ? "dashed" : "solid" },
    })),
  });
  return chart;
}

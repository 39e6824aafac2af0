// The chart library, of which only bars are taken; loaded when a page has a chart.
import { BarChart } from "echarts/charts";
import { GridComponent, TooltipComponent } from "echarts/components";
import { init, use, type EChartsType } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([BarChart, GridComponent, TooltipComponent, CanvasRenderer]);

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

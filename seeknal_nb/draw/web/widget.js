// The graph as a widget: what anywidget takes from the module.
import { render } from "./view.js";

export default { render };

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Iterator;
import java.util.Map;
import software.amazon.event.ruler.Machine;
import software.amazon.event.ruler.JsonRuleCompiler;

/** Asks AWS's event-ruler which events each pattern lets through; it decides nothing itself.
 *
 * Standard input is {"patterns": {name: pattern}, "events": {name: event}}; standard output is
 * {pattern's name: [names of the events that it lets through, in their order]}.
 */
public final class EventRuler {
    public static void main(String[] arguments) throws Exception {
        ObjectMapper json = new ObjectMapper();
        JsonNode given = json.readTree(System.in);
        ObjectNode answers = json.createObjectNode();
        for (Iterator<Map.Entry<String, JsonNode>> each = given.get("patterns").fields(); each.hasNext(); ) {
            Map.Entry<String, JsonNode> pattern = each.next();
            String fault = JsonRuleCompiler.check(pattern.getValue().toString());
            if (fault != null) {
                throw new IllegalArgumentException(pattern.getKey() + ": " + fault);
            }
            Machine machine = new Machine();
            machine.addRule("pattern", pattern.getValue().toString());
            ArrayNode passed = answers.putArray(pattern.getKey());
            for (Iterator<Map.Entry<String, JsonNode>> events = given.get("events").fields(); events.hasNext(); ) {
                Map.Entry<String, JsonNode> event = events.next();
                if (!machine.rulesForJSONEvent(event.getValue().toString()).isEmpty()) {
                    passed.add(event.getKey());
                }
            }
        }
        System.out.println(json.writeValueAsString(answers));
    }
}

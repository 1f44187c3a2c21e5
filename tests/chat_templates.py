"""Chat templates in the layouts of known families of models, in our own words. Named by family."""

# ChatML (Qwen 3): a default system prompt, reasoning kept in the last turn only.
CHATML = """
{%- if messages[0].role != 'system' -%}
  {{- '<|im_start|>system\\nYou are Small, a helpful "model".<|im_end|>\\n' -}}
{%- endif -%}
{%- for message in messages -%}
  {%- set content = message.content -%}
  {%- if message.role == 'assistant' and '</think>' in content -%}
    {%- set thought = content.split('</think>')[0].split('<think>')[-1].strip('\\n') -%}
    {%- set content = content.split('</think>')[-1].lstrip('\\n') -%}
    {%- if loop.last -%}{%- set content = '<think>\\n' + thought + '\\n</think>\\n\\n' + content -%}{%- endif -%}
  {%- endif -%}
  {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n<think>\\n\\n</think>\\n\\n' -}}{%- endif -%}
"""
# Llama 2: instructions in brackets that are no tokens; the system prompt inside the first of them.
LLAMA2 = """
{%- set system = '' -%}
{%- if messages[0].role == 'system' -%}
  {%- set system = '<<SYS>>\\n' + messages[0].content.strip() + '\\n<</SYS>>\\n\\n' -%}
  {%- set messages = messages[1:] -%}
{%- endif -%}
{%- for message in messages -%}
  {%- if message.role == 'user' -%}
    {{- bos_token + '[INST] ' + (system if loop.first else '') + message.content.strip() + ' [/INST]' -}}
  {%- else -%}{{- ' ' + message.content.strip() + ' ' + eos_token -}}{%- endif -%}
{%- endfor -%}
"""
# Llama 3: headers between control tokens; contents are trimmed.
LLAMA3 = """
{{- bos_token -}}
{%- for message in messages -%}
  {{- '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' + message.content | trim + '<|eot_id|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}{%- endif -%}
"""
# Mistral v3: brackets that are tokens; the system prompt goes into the last user turn; roles must alternate.
MISTRAL = """
{%- set system = '' -%}
{%- if messages[0].role == 'system' -%}
  {%- set system = messages[0].content + '\\n\\n' -%}{%- set messages = messages[1:] -%}
{%- endif -%}
{{- bos_token -}}
{%- for message in messages -%}
  {%- if (message.role == 'user') == loop.index0 % 2 -%}{{ raise_exception('roles must alternate') }}{%- endif -%}
  {%- if message.role == 'user' -%}{{- '[INST] ' + (system if loop.last else '') + message.content + '[/INST]' -}}
  {%- else -%}{{- ' ' + message.content + eos_token -}}{%- endif -%}
{%- endfor -%}
"""
# Gemma 2: no system prompt, the assistant is called model, contents are trimmed.
GEMMA = """
{{- bos_token -}}
{%- if messages[0].role == 'system' -%}{{ raise_exception('System role not supported') }}{%- endif -%}
{%- for message in messages -%}
  {%- set role = 'model' if message.role == 'assistant' else message.role -%}
  {{- '<start_of_turn>' + role + '\\n' + message.content | trim + '<end_of_turn>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<start_of_turn>model\\n' -}}{%- endif -%}
"""
# Phi 3: control tokens made of the role's name, which take the white space after them along.
PHI3 = """
{%- for message in messages -%}{{- '<|' + message.role + '|>\\n' + message.content + '<|end|>\\n' -}}{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|assistant|>\\n' -}}{%- endif -%}
"""
# DeepSeek R1: full-width bars; earlier reasoning is dropped.
DEEPSEEK = """
{{- bos_token -}}
{%- for message in messages -%}
  {%- if message.role == 'system' -%}{{- message.content -}}
  {%- elif message.role == 'user' -%}{{- '<｜User｜>' + message.content -}}
  {%- else -%}{{- '<｜Assistant｜>' + message.content.split('</think>')[-1] + '<｜end▁of▁sentence｜>' -}}{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<｜Assistant｜><think>\\n' -}}{%- endif -%}
"""
# GPT-OSS (harmony): channels; the system prompt is a developer message; refuses answers that hold a channel.
HARMONY = """
{{- '<|start|>system<|message|>You are "Small".\\nKnowledge cutoff: 2024-06\\n\\n# Channels: final.<|end|>' -}}
{%- for message in messages -%}
  {%- if message.role == 'system' -%}
    {{- '<|start|>developer<|message|># Instructions\\n\\n' + message.content + '<|end|>' -}}
  {%- elif message.role == 'user' -%}{{- '<|start|>user<|message|>' + message.content + '<|end|>' -}}
  {%- else -%}
    {%- if '<|channel|>' in message.content -%}{{ raise_exception('reasoning has a field of its own') }}{%- endif -%}
    {{- '<|start|>assistant<|channel|>final<|message|>' + message.content + '<|end|>' -}}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|start|>assistant' -}}{%- endif -%}
"""
COMMAND_R = """
{{- bos_token -}}
{%- for message in messages -%}
  {%- set role = {'system': 'SYSTEM', 'user': 'USER', 'assistant': 'CHATBOT'}[message.role] -%}
  {{- '<|START_OF_TURN_TOKEN|><|' + role + '_TOKEN|>' + message.content + '<|END_OF_TURN_TOKEN|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' -}}{%- endif -%}
"""
# Zephyr: headers that look like control tokens and are none.
ZEPHYR = """
{%- for message in messages -%}{{- '<|' + message.role + '|>\\n' + message.content + eos_token + '\\n' -}}{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|assistant|>\\n' -}}{%- endif -%}
"""
# No family's: the system text is glued to the user's, and a flag in it is taken out and obeyed.
FOLDING = """
{%- set system = '' -%}{%- set flags = namespace(quiet=false) -%}
{%- if messages[0].role == 'system' -%}
  {%- set flags.quiet = '/no_think' in messages[0].content -%}
  {%- set system = messages[0].content.replace('/no_think', '').rstrip() -%}{%- set messages = messages[1:] -%}
{%- endif -%}
{%- for message in messages -%}
  {{- '<turn>' + ('user:' if message.role == 'user' else 'model:') -}}
  {{- (system if loop.first else '') + message.content + '</turn>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<turn>model:' + ('<think></think>' if flags.quiet else '') -}}{%- endif -%}
"""

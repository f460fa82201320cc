<?php
return ['default' => 'stderr', 'channels' => ['stderr' => ['driver' => 'single', 'path' => 'php://stderr'], 'emergency' => ['path' => 'php://stderr']]];
